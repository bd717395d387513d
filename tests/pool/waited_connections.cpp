#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <new>
#include <optional>
#include <string>

#include "multiprocessing/connection.hpp"
#include "multiprocessing/queues.hpp"
#include "waited.hpp"

namespace pool_test {
namespace {

using namespace std::chrono_literals;

std::pair<mp::Connection, mp::Connection> socket_ends() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::bad_alloc{};
  return {mp::Connection{ends[0]}, mp::Connection{ends[1]}};
}

std::pair<mp::Connection, mp::Connection> pipe_ends() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::bad_alloc{};
  return {mp::Connection{ends[0], {.writable = false}},
          mp::Connection{ends[1], {.readable = false}}};
}

using MakeEnds = std::pair<mp::Connection, mp::Connection> (*)();
std::pair<mp::Connection, mp::Connection> ring_ends() { return mp::Pipe(); }
/// From their first use on such a pipe's messages go by its socket.
std::pair<mp::Connection, mp::Connection> left_ring_ends() {
  auto ends = mp::Pipe();
  (void)ends.first.fileno();
  return ends;
}

template <MakeEnds make_ends>
class NoValue : public Waited {
 public:
  void wait() override { (void)ends_.first.template recv<std::string>(); }
  bool works() override {
    ends_.second.send(std::string{"word"});
    return ends_.first.template recv<std::string>() == "word";
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_ = make_ends();
};

template <MakeEnds make_ends>
class NoBytes : public Waited {
 public:
  void wait() override { (void)ends_.first.recv_bytes(); }
  bool works() override {
    ends_.second.send_bytes("word");
    return ends_.first.recv_bytes() == mp::Bytes{"word"};
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_ = make_ends();
};

template <MakeEnds make_ends>
class NothingToRead : public Waited {
 public:
  void wait() override { (void)ends_.first.poll(mp::Timeout::forever); }
  bool works() override {
    ends_.second.send_bytes("word");
    return ends_.first.poll(10s);
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_ = make_ends();
};

/// Amid a long message, that breaks the stream for the receiver as its sender's death does. By
/// shared memory a message is whole or absent, and nothing has happened.
template <MakeEnds make_ends>
class NobodyReads : public Waited {
 public:
  void wait() override {
    for (;;) ends_.second.send_bytes(std::string(size_of(sent_), 'x')), ++sent_;
  }
  bool works() override {
    for (int i = 0; i < sent_; ++i)
      if (ends_.first.recv_bytes().size() != size_of(i)) return false;
    try {
      if (make_ends == ring_ends) ends_.second.send_bytes("goes on");
      return ends_.first.recv_bytes() == mp::Bytes{"goes on"};
    } catch (const mp::ConnectionResetError&) {
      return make_ends != ring_ends;
    }
  }

 private:
  static std::size_t size_of(int number) { return number < 40 ? 1000 : 10'000'000; }

  std::pair<mp::Connection, mp::Connection> ends_ = make_ends();
  int sent_ = 0;
};

class TheTurnToRead : public Waited {
 public:
  TheTurnToRead() : reader_([this] { (void)ends_.first.recv_bytes(); }) {}
  ~TheTurnToRead() override {
    if (!reader_.joinable()) return;
    ends_.second.send_bytes("end");
    reader_.join();
  }
  void wait() override { (void)ends_.first.recv_bytes(); }
  bool works() override {
    ends_.second.send_bytes("one");
    reader_.join();
    ends_.second.send_bytes("two");
    return ends_.first.recv_bytes() == mp::Bytes{"two"};
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_ = mp::Pipe();
  std::thread reader_;
};

class NoDescriptor : public Waited {
 public:
  void wait() override { (void)mp::recv_handle(ends_.first); }
  bool works() override {
    mp::send_handle(ends_.second, 0);
    const int got = mp::recv_handle(ends_.first);
    return got >= 0 && close(got) == 0;
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_ = mp::Pipe();
};

class NoneOfSeveral : public Waited {
 public:
  void wait() override { (void)mp::wait({mp::Waitable{ends_.first}, mp::Waitable{queue_}}); }
  bool works() override {
    ends_.second.send(1);
    return mp::wait({mp::Waitable{ends_.first}, mp::Waitable{queue_}}, 10s).size() == 1;
  }

 private:
  std::pair<mp::Connection, mp::Connection> ends_ = mp::Pipe();
  mp::Queue<int> queue_;
};

class NoClient : public Waited {
 public:
  void wait() override { (void)listener_.accept(); }
  bool works() override {
    const mp::Connection client = mp::Client(listener_.address());
    const mp::Connection server = listener_.accept(10s);
    client.send(7);
    return server.recv<int>() == 7;
  }

 private:
  mp::Listener listener_;
};

class NoProof : public Waited {
 public:
  void wait() override {
    (void)mp::Client(listener_.address(),
                     {.authkey = mp::Bytes{"key"}, .timeout = mp::Timeout::forever});
  }
  bool works() override {
    std::optional<mp::Connection> server;
    {
      const Meanwhile other([&] {
        for (;;) {
          try {
            server = listener_.accept(30s);
            return;
          } catch (const mp::EOFError&) {  // the one that was interrupted
          }
        }
      });
      (void)mp::Client(listener_.address(), {.authkey = mp::Bytes{"key"}});
    }
    return server.has_value();
  }

 private:
  mp::Listener listener_{mp::ListenerOptions{.authkey = mp::Bytes{"key"}}};
};

}  // namespace

std::vector<WaitKind> waits_for_connections() {
  return {
      {"Connection::recv", make_waited<NoValue<ring_ends>>},
      {"Connection::recv by the socket", make_waited<NoValue<left_ring_ends>>},
      {"Connection::recv of a stream", make_waited<NoValue<socket_ends>>},
      {"Connection::recv of a pipe", make_waited<NoValue<pipe_ends>>},
      {"Connection::recv_bytes", make_waited<NoBytes<ring_ends>>},
      {"Connection::recv_bytes by the socket", make_waited<NoBytes<left_ring_ends>>},
      {"Connection::recv_bytes of a stream", make_waited<NoBytes<socket_ends>>},
      {"Connection::poll", make_waited<NothingToRead<ring_ends>>},
      {"Connection::poll of a stream", make_waited<NothingToRead<socket_ends>>},
      {"Connection::send", make_waited<NobodyReads<ring_ends>>},
      {"Connection::send by the socket", make_waited<NobodyReads<left_ring_ends>>},
      {"Connection::send by a stream", make_waited<NobodyReads<socket_ends>>},
      {"Connection::send by a pipe", make_waited<NobodyReads<pipe_ends>>},
      {"the turn to read", make_waited<TheTurnToRead>},
      {"recv_handle", make_waited<NoDescriptor>},
      {"wait", make_waited<NoneOfSeveral>},
      {"Listener::accept", make_waited<NoClient>},
      {"Client", make_waited<NoProof>},
  };
}

}  // namespace pool_test
