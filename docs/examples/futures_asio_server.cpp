// A server that answers while workers compute: futures_asio_server [PORT [SECONDS]]
//
// A line with a number is answered by its least factor, which a worker finds in so many seconds or
// not at all; "ping" is answered at once, whatever the load. Needs a compiler with the coroutines
// of C++20, which clang 14 is not.
#include <multiprocessing/asio.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

namespace mp = multiprocessing;
namespace asio = boost::asio;
using asio::ip::tcp;

struct Server {
  mp::ProcessPoolExecutor executor;
  std::chrono::seconds time{5};
  int most = 100;  // requests at a time; async_submit does not wait for room
  int running = 0;
};

std::uint64_t least_factor(std::uint64_t number) {
  for (std::uint64_t factor = 2; factor <= number / factor; ++factor)
    if (number % factor == 0) return factor;
  return number;
}

// [answer]
asio::awaitable<std::string> answer_to(std::string request, Server& server) {
  if (request == "ping") co_return "pong";
  std::uint64_t number = 0;
  const char* end = request.data() + request.size();
  const auto parsed = std::from_chars(request.data(), end, number);
  if (parsed.ptr != end || parsed.ec != std::errc{}) co_return "a number, please";
  if (server.running == server.most) co_return "busy";
  ++server.running;
  std::string answer;
  try {
    answer = std::to_string(
        co_await mp::async_submit(server.executor, {.timeout = server.time}, least_factor, number));
  } catch (const mp::TimeoutError&) {  // its worker has been replaced
    answer = "it takes too long";
  } catch (const std::exception& error) {  // its worker died
    answer = error.what();
  }
  --server.running;
  co_return answer;
}
// [/answer]

asio::awaitable<void> serve(tcp::socket client, Server& server) {
  try {
    for (std::string received;;) {
      auto buffer = asio::dynamic_buffer(received, 1000);
      const std::size_t size =
          co_await asio::async_read_until(client, buffer, '\n', asio::use_awaitable);
      std::string answer = co_await answer_to(received.substr(0, size - 1), server);
      answer += '\n';
      received.erase(0, size);
      co_await asio::async_write(client, asio::buffer(answer), asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {  // the client has gone, or sends no lines
  }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, Server& server) {
  for (;;) {
    tcp::socket client = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(std::move(client), server), asio::detached);
  }
}

int main(int count, char** arguments) {
  const auto port = static_cast<std::uint16_t>(count > 1 ? std::atoi(arguments[1]) : 0);
  Server server;  // before the loop, so that it goes after what the loop has
  if (count > 2) server.time = std::chrono::seconds{std::atoi(arguments[2])};
  asio::io_context loop;
  tcp::acceptor acceptor{loop, {asio::ip::address_v4::loopback(), port}};
  asio::signal_set signals{loop, SIGINT, SIGTERM};
  signals.async_wait([&](auto, int) { loop.stop(); });
  asio::co_spawn(loop, listen(acceptor, server), asio::detached);
  std::cout << "port " << acceptor.local_endpoint().port() << std::endl;
  loop.run();
  server.executor.kill_workers();  // its end would wait for what is left to compute
}
