// An echo server that Python programs talk to: send_bytes and recv_bytes have Python's form.
//
//   $ connection_echo_server PATH KEY [CLIENTS]
//   >>> from multiprocessing.connection import Client
//   >>> c = Client(PATH, authkey=KEY); c.send_bytes(b"hello"); c.recv_bytes()
//
// Without arguments it plays both parts.
#include <multiprocessing.hpp>

#include <cstdlib>
#include <iostream>

namespace mp = multiprocessing;

// [serve]
void echo(mp::Connection client) {
  try {
    for (const mp::Bytes& message : client.bytes_messages()) client.send_bytes(message);
  } catch (const mp::OSError& error) {  // gone while it was sent to, or not of this protocol
    std::cerr << error.what() << '\n';
  }
}

void serve(const mp::Listener& listener, int clients) {
  for (int served = 0; served < clients;) {
    try {
      echo(listener.accept());
      ++served;
    } catch (const mp::AuthenticationError& error) {  // the next one may know the key
      std::cerr << error.what() << '\n';
    } catch (const mp::EOFError&) {
    }
  }
}
// [/serve]

void call(mp::Address address, mp::Bytes key) {
  const mp::Connection server = mp::Client(address, {.authkey = key});
  server.send_bytes("hello");
  throw mp::Exit{server.recv_bytes() == "hello" ? 0 : 1};
}

int main(int argc, char** argv) {
  if (argc >= 3) {
    const mp::Listener listener{argv[1], {.authkey = mp::Bytes{argv[2]}}};
    std::cout << "READY " << to_string(listener.address()) << std::endl;
    serve(listener, argc > 3 ? std::atoi(argv[3]) : 1);
    return 0;
  }
  const mp::Bytes key{"secret"};
  const mp::Listener listener{{"localhost", 0}, {.authkey = key}};
  mp::Process client{call, listener.address(), key};
  client.start();
  serve(listener, 1);
  client.join();
  return client.exitcode().value_or(1);
}
