// What queues_bench measures: ours and the peers behind one interface.
#pragma once

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <boost/interprocess/ipc/message_queue.hpp>

#include <multiprocessing/queues.hpp>

#if defined(BENCH_ZMQ)
#include <zmq.h>
#endif

namespace queues_bench {

namespace mp = multiprocessing;
namespace ipc = boost::interprocess;

inline std::size_t depth_for(std::size_t size) {
  return std::clamp<std::size_t>((std::size_t{4} << 20) / size, 4, 4096);
}

/// One way for messages of one size, made before the processes that use it.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual void send(const std::byte* message) = 0;
  virtual void receive(std::byte* message) = 0;
  /// After the last message of this process, sent or received.
  virtual void finish() {}
};

template <std::size_t size>
class Ours final : public Channel {
 public:
  void send(const std::byte* message) override {
    queue_.put(*reinterpret_cast<const Message*>(message));
  }
  void receive(std::byte* message) override { new (message) Message(queue_.get()); }

 private:
  using Message = std::array<std::byte, size>;
  mp::Queue<Message> queue_{depth_for(size)};
};

/// The same as values that have to be turned into bytes.
template <std::size_t size>
class OursAsVector final : public Channel {
 public:
  void send(const std::byte* message) override {
    std::memcpy(message_.data(), message, 8);
    queue_.put(message_);
  }
  void receive(std::byte* message) override {
    message_ = queue_.get();
    std::memcpy(message, message_.data(), 8);
  }

 private:
  std::vector<std::byte> message_ = std::vector<std::byte>(size);
  mp::Queue<std::vector<std::byte>> queue_{depth_for(size)};
};

/// The plainest way to move bytes from process to process: places in turn, each with a flag in
/// front, without locks, bounds, sleep or safety. One producer, one consumer.
class BareCopies final : public Channel {
 public:
  explicit BareCopies(std::size_t size)
      : size_(size),
        stride_((size + 2 * line - 1) / line * line),
        count_(std::clamp<std::size_t>((std::size_t{256} << 10) / size, 4, 1024)),
        memory_(static_cast<std::byte*>(mmap(nullptr, stride_ * count_, PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~BareCopies() override { munmap(memory_, stride_ * count_); }
  void send(const std::byte* message) override {
    wait_for(false);
    std::memcpy(place() + line, message, size_);
    flag().store(true, std::memory_order_release);
    ++at_;
  }
  void receive(std::byte* message) override {
    wait_for(true);
    std::memcpy(message, place() + line, size_);
    flag().store(false, std::memory_order_release);
    ++at_;
  }

 private:
  static constexpr std::size_t line = 64;
  [[nodiscard]] std::byte* place() const { return memory_ + at_ % count_ * stride_; }
  [[nodiscard]] std::atomic<bool>& flag() const {
    return *reinterpret_cast<std::atomic<bool>*>(place());
  }
  void wait_for(bool filled) const {
    for (int poll = 1; flag().load(std::memory_order_acquire) != filled; ++poll)
      if (poll % 64 == 0) sched_yield();
  }

  std::size_t size_;
  std::size_t stride_;
  std::size_t count_;
  std::byte* memory_;
  std::size_t at_ = 0;
};

class Descriptors : public Channel {
 public:
  explicit Descriptors(std::size_t size) : size_(size) {}
  ~Descriptors() override {
    close(ends_[0]);
    close(ends_[1]);
  }
  void send(const std::byte* message) override {
    for (std::size_t done = 0; done < size_;)
      done += static_cast<std::size_t>(
          std::max<ssize_t>(0, write(ends_[1], message + done, size_ - done)));
  }
  void receive(std::byte* message) override {
    for (std::size_t done = 0; done < size_;)
      done += static_cast<std::size_t>(
          std::max<ssize_t>(0, read(ends_[0], message + done, size_ - done)));
  }

 protected:
  std::size_t size_;
  int ends_[2] = {-1, -1};
};

class Pipe final : public Descriptors {
 public:
  explicit Pipe(std::size_t size) : Descriptors(size) {
    if (pipe(ends_) != 0) std::abort();
  }
};

class SeqPacket final : public Descriptors {
 public:
  explicit SeqPacket(std::size_t size) : Descriptors(size) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_) != 0) std::abort();
    const int bytes = 4 << 20;
    for (int end : ends_)
      if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(end, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
};

class PosixQueue final : public Channel {
 public:
  explicit PosixQueue(std::size_t size) : size_(size) {
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;  // more need privileges
    attributes.mq_msgsize = static_cast<long>(size);
    queue_ = mq_open("/queues_bench", O_CREAT | O_RDWR, 0600, &attributes);
    mq_unlink("/queues_bench");
    if (queue_ < 0) throw std::bad_alloc{};
  }
  ~PosixQueue() override { mq_close(queue_); }
  void send(const std::byte* message) override {
    mq_send(queue_, reinterpret_cast<const char*>(message), size_, 0);
  }
  void receive(std::byte* message) override {
    mq_receive(queue_, reinterpret_cast<char*>(message), size_, nullptr);
  }

 private:
  std::size_t size_;
  mqd_t queue_;
};

class BoostQueue final : public Channel {
 public:
  explicit BoostQueue(std::size_t size) : size_(size) {
    ipc::message_queue::remove(name);
    queue_ = std::make_unique<ipc::message_queue>(ipc::create_only, name, depth_for(size), size);
    ipc::message_queue::remove(name);
  }
  void send(const std::byte* message) override { queue_->send(message, size_, 0); }
  void receive(std::byte* message) override {
    ipc::message_queue::size_type got = 0;
    unsigned priority = 0;
    queue_->receive(message, size_, got, priority);
  }

 private:
  static constexpr const char* name = "queues_bench";
  std::size_t size_;
  std::unique_ptr<ipc::message_queue> queue_;
};

#if defined(BENCH_ZMQ)
class Zmq final : public Channel {
 public:
  explicit Zmq(std::size_t size) : size_(size) {
    char folder[] = "/tmp/queues_bench_XXXXXX";
    folder_ = mkdtemp(folder);
    finished_ = static_cast<std::atomic<int>*>(mmap(
        nullptr, sizeof *finished_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  }
  ~Zmq() override {
    std::filesystem::remove_all(folder_);
    munmap(finished_, sizeof *finished_);
  }
  void send(const std::byte* message) override {
    if (socket_ == nullptr) open(ZMQ_PUSH, false);
    zmq_send(socket_, message, size_, 0);
  }
  void receive(std::byte* message) override {
    if (socket_ == nullptr) open(ZMQ_PULL, true);
    zmq_recv(socket_, message, size_, 0);
  }
  // What was sent is still on its way, and lost if its sender ends: both stay until all is there.
  void finish() override {
    ++*finished_;
    while (*finished_ < 2) sched_yield();
  }

 private:
  // A context belongs to the process that uses it.
  void open(int kind, bool binds) {
    socket_ = zmq_socket(zmq_ctx_new(), kind);
    const int depth = static_cast<int>(depth_for(size_));
    zmq_setsockopt(socket_, binds ? ZMQ_RCVHWM : ZMQ_SNDHWM, &depth, sizeof depth);
    const std::string address = "ipc://" + folder_ + "/socket";
    binds ? zmq_bind(socket_, address.c_str()) : zmq_connect(socket_, address.c_str());
  }
  std::size_t size_;
  std::string folder_;
  std::atomic<int>* finished_ = nullptr;
  void* socket_ = nullptr;
};
#endif

}  // namespace queues_bench
