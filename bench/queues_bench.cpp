// Messages from process to process: ours beside the peers, in turn within one run.
//
//   queues_bench [split|one|none]...    how the two sides are pinned: on two processors, on one,
//   not
//
// Each figure is the median over the rounds; a ratio is the median of the ratios within a round,
// with the least and the greatest. Every receiver copies the message out and checks its number. All
// queues hold the same number of messages, up to 4 MiB; ZeroMQ has its own idea of that.
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "multiprocessing/connection.hpp"
#include "process/descriptor_message.hpp"
#include "queues_peers.hpp"

using namespace queues_bench;

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint64_t last = ~std::uint64_t{0};
constexpr int rounds = 5;
constexpr auto how_long = 100ms;

// ---- measuring ----

enum class Pinning { split, one, none };

void pin(Pinning pinning, int side) {
  if (pinning == Pinning::none) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(pinning == Pinning::one ? 0 : side, &set);
  sched_setaffinity(0, sizeof set, &set);
}

struct Shared {
  std::atomic<int> ready;
  std::atomic<bool> go;
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> received;
  alignas(64) std::atomic<std::uint64_t> there;
  alignas(64) std::atomic<std::uint64_t> back;
};

Shared& shared() {
  static auto* memory = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *memory;
}

template <class F>
pid_t in_child(Pinning pinning, int side, F work) {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  pin(pinning, side);
  ++shared().ready;
  while (!shared().go) sched_yield();
  work();
  _exit(0);
}

void produce(Channel& channel, std::size_t size) {
  std::vector<std::byte> message(size);
  for (std::uint64_t number = 0;; ++number) {
    const std::uint64_t now = shared().stop.load(std::memory_order_relaxed) ? last : number;
    std::memcpy(message.data(), &now, 8);
    channel.send(message.data());
    if (now == last) return channel.finish();
  }
}

void consume(Channel& channel, std::size_t size, bool one_producer) {
  std::vector<std::byte> message(size);
  for (std::uint64_t count = 0;; ++count) {
    channel.receive(message.data());
    std::uint64_t number = 0;
    std::memcpy(&number, message.data(), 8);
    if (number == last) {
      shared().received += count;
      return channel.finish();
    }
    if (one_producer && number != count) {
      std::fprintf(stderr, "message %lu came as number %lu\n", static_cast<unsigned long>(number),
                   static_cast<unsigned long>(count));
      _exit(1);
    }
  }
}

/// Messages per second, with as many consumers as producers.
double throughput(Channel& channel, std::size_t size, int pairs, Pinning pinning) {
  new (&shared()) Shared{};
  std::vector<pid_t> children;
  for (int i = 0; i < pairs; ++i) {
    children.push_back(in_child(pinning, 1, [&] { consume(channel, size, pairs == 1); }));
    children.push_back(in_child(pinning, 0, [&] { produce(channel, size); }));
  }
  while (shared().ready < 2 * pairs) sched_yield();
  const auto begin = Clock::now();
  shared().go = true;
  usleep(static_cast<useconds_t>(how_long / 1us));
  shared().stop = true;
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return static_cast<double>(shared().received) / seconds;
}

/// The median round trip in microseconds. `pong` says false once `end` has told it to end.
double round_trip(Pinning pinning, const std::function<void()>& ping,
                  const std::function<bool()>& pong, const std::function<void()>& end) {
  new (&shared()) Shared{};
  const pid_t other = in_child(pinning, 1, [&] {
    while (pong()) {
    }
  });
  const pid_t me = in_child(pinning, 0, [&] {
    std::vector<double> times;
    for (const auto until = Clock::now() + how_long; Clock::now() < until;) {
      const auto begin = Clock::now();
      ping();
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    end();
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2));
    shared().received = static_cast<std::uint64_t>(1000 * times[times.size() / 2]);
  });
  while (shared().ready < 2) sched_yield();
  shared().go = true;
  waitpid(me, nullptr, 0);
  waitpid(other, nullptr, 0);
  return static_cast<double>(shared().received) / 1000;
}

double round_trip_of(Channel& there, Channel& back, Pinning pinning) {
  std::byte message[8] = {};
  return round_trip(
      pinning, [&] { there.send(message), back.receive(message); },
      [&] {
        there.receive(message);
        if (message[0] != std::byte{0}) return false;
        back.send(message);
        return true;
      },
      [&] { message[0] = std::byte{1}, there.send(message); });
}

double round_trip_of_cache_lines(Pinning pinning) {
  std::uint64_t pings = 0;
  std::uint64_t pongs = 0;
  const auto wait_for = [](const std::atomic<std::uint64_t>& word, std::uint64_t value) {
    for (int poll = 1; word != value && word != last; ++poll)
      if (poll % 64 == 0) sched_yield();
    return word == value;
  };
  return round_trip(
      pinning,
      [&] {
        shared().there = ++pings;
        wait_for(shared().back, pings);
      },
      [&] {
        const bool goes_on = wait_for(shared().there, ++pongs);
        shared().back = pongs;
        return goes_on;
      },
      [&] { shared().there = last; });
}

// ---- the tables ----

using Make = std::function<std::unique_ptr<Channel>()>;
using Peers = std::vector<std::pair<std::string, Make>>;  // the first is ours

template <std::size_t size>
Peers peers() {
  Peers all{{"ours", [] { return std::make_unique<Ours<size>>(); }},
            {"ours, vector", [] { return std::make_unique<OursAsVector<size>>(); }},
            {"pipe", [] { return std::make_unique<Pipe>(size); }},
            {"seqpacket", [] { return std::make_unique<SeqPacket>(size); }},
            {"boost", [] { return std::make_unique<BoostQueue>(size); }},
            {"bare copies", [] { return std::make_unique<BareCopies>(size); }}};
  if (size <= 8192) all.emplace_back("posix mq", [] { return std::make_unique<PosixQueue>(size); });
#if defined(BENCH_ZMQ)
  all.emplace_back("zeromq", [] { return std::make_unique<Zmq>(size); });
#endif
  return all;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void print_row(const std::string& title, const std::map<std::string, std::vector<double>>& figures,
               const char* unit, bool inverse) {
  const std::vector<double>& ours = figures.at("ours");
  std::printf("%-34s ours %9.4g %s\n", title.c_str(), median(ours), unit);
  for (const auto& [name, theirs] : figures) {
    if (name == "ours") continue;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < theirs.size(); ++i)
      ratios.push_back(inverse ? theirs[i] / ours[i] : ours[i] / theirs[i]);
    std::ranges::sort(ratios);
    std::printf("  %-14s %9.4g %-6s ours is %8.3g times as fast [%.3g - %.3g]\n", name.c_str(),
                median(theirs), unit, median(ratios), ratios.front(), ratios.back());
  }
  std::fflush(stdout);
}

/// Whether several may send and receive: a pipe mixes what is longer than PIPE_BUF.
bool can_have_pairs(const std::string& name, std::size_t size) {
  return name != "zeromq" && name != "bare copies" && (name != "pipe" || size <= PIPE_BUF);
}

template <std::size_t size>
void compare_throughput(const std::string& how, int pairs, Pinning pinning) {
  std::map<std::string, std::vector<double>> figures;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, make] : peers<size>()) {
      if (pairs > 1 && !can_have_pairs(name, size)) continue;
      try {
        figures[name].push_back(throughput(*make(), size, pairs, pinning) / 1e6);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s is left out: %s\n", name.c_str(), error.what());
      }
    }
  }
  std::erase_if(figures, [](const auto& each) { return each.second.size() != rounds; });
  print_row(how + ", " + std::to_string(size) + " B, " + std::to_string(pairs) + " : " +
                std::to_string(pairs),
            figures, "M/s", false);
}

void compare_round_trips(const std::string& how, Pinning pinning) {
  std::map<std::string, std::vector<double>> figures;
  for (int round = 0; round < rounds; ++round) {
    figures["cache lines"].push_back(round_trip_of_cache_lines(pinning));
    for (const auto& [name, make] : peers<8>())
      if (name != "zeromq" && name != "bare copies")
        figures[name].push_back(round_trip_of(*make(), *make(), pinning));
  }
  print_row(how + ", round trip of 8 B", figures, "us", true);
}

/// A buffer is handed over at the same cost whatever its size.
void compare_hand_over() {
  for (const std::size_t size :
       {std::size_t{4} << 10, std::size_t{1} << 20, std::size_t{64} << 20}) {
    const mp::Queue<mp::SharedBuffer<std::byte>> there(64);
    const mp::SharedBuffer<std::byte> buffer(size);
    std::vector<double> rates;
    for (int round = 0; round < rounds; ++round) {
      new (&shared()) Shared{};
      const pid_t receiver = in_child(Pinning::split, 1, [&] {
        for (int i = 0; i < 100'000; ++i) there.get();
      });
      while (shared().ready < 1) sched_yield();
      const auto begin = Clock::now();
      shared().go = true;
      for (int i = 0; i < 100'000; ++i) there.put(buffer);
      waitpid(receiver, nullptr, 0);
      rates.push_back(0.1 / std::chrono::duration<double>(Clock::now() - begin).count());
    }
    std::printf("SharedBuffer of %9zu B handed over  %9.4g M/s\n", size, median(rates));
  }
}

/// Microseconds for one, sent and received by this process: the keeper is what takes the time.
template <class Pass>
double time_of_ends(Pass pass) {
  constexpr int count = 500;
  pass();
  const auto begin = Clock::now();
  for (int i = 0; i < count; ++i) pass();
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / count;
}

void compare_ends() {
  const mp::Queue<mp::Connection> queue;
  const auto [to, from] = mp::Pipe();
  const auto [left, right] = mp::detail::make_channel();
  const auto [here, there] = mp::Pipe();
  const int number = there.fileno();
  std::byte byte{};
  std::map<std::string, std::vector<double>> figures;
  for (int round = 0; round < rounds; ++round) {
    figures["ours"].push_back(time_of_ends([&, &end = there] {
      queue.put(end);
      queue.get().close();
    }));
    figures["over a Pipe"].push_back(time_of_ends([&, &via = to, &end = there, &out = from] {
      via.send(end);
      out.recv<mp::Connection>().close();
    }));
    figures["sendmsg"].push_back(time_of_ends([&, &via = left, &out = right] {
      (void)mp::detail::send_message(via.get(), {&byte, 1}, {&number, 1});
      (void)mp::detail::receive_message(out.get(), {&byte, 1});
    }));
  }
  print_row("end of a pipe, put and got", figures, "us", true);
}

/// Calls `use` with the size as a constant.
template <class Use>
void with_constant(std::size_t size, Use use) {
  switch (size) {
    case 8:
      return use(std::integral_constant<std::size_t, 8>{});
    case 64:
      return use(std::integral_constant<std::size_t, 64>{});
    case 1 << 10:
      return use(std::integral_constant<std::size_t, 1 << 10>{});
    case 64 << 10:
      return use(std::integral_constant<std::size_t, 64 << 10>{});
    default:
      return use(std::integral_constant<std::size_t, 1 << 20>{});
  }
}

/// One row of the tables.
void compare_one(std::size_t size, int pairs, const std::string& how, Pinning pinning) {
  with_constant(size, [&](auto constant) { compare_throughput<constant()>(how, pairs, pinning); });
}

/// One figure of ours alone, for scripts and profilers.
double only_ours(std::size_t size, int pairs, Pinning pinning) {
  double rate = 0;
  with_constant(size, [&](auto constant) {
    rate = throughput(*std::make_unique<Ours<constant()>>(), constant(), pairs, pinning);
  });
  return rate;
}

void compare_all(const std::string& how, Pinning pinning) {
  for (const int pairs : {1, 2})
    for (const std::size_t size : {8, 64, 1 << 10, 64 << 10, 1 << 20})
      compare_one(size, pairs, how, pinning);
  compare_round_trips(how, pinning);
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, Pinning> ways{
      {"split", Pinning::split}, {"one", Pinning::one}, {"none", Pinning::none}};
  std::vector<std::string> wanted(argv + 1, argv + argc);
  if (wanted.size() == 4 && wanted[0] == "--only" && ways.contains(wanted[3])) {
    const double rate = only_ours(std::stoul(wanted[1]), std::stoi(wanted[2]), ways.at(wanted[3]));
    std::printf("ours %.4g M/s\n", rate / 1e6);
    return 0;
  }
  if (wanted.size() == 4 && wanted[0] == "--row" && ways.contains(wanted[3])) {
    compare_one(std::stoul(wanted[1]), std::stoi(wanted[2]), wanted[3], ways.at(wanted[3]));
    return 0;
  }
  if (wanted.empty()) wanted = {"split", "none", "one"};
#if !defined(BENCH_ZMQ)
  std::printf("zeromq is left out: it is not installed\n");
#endif
  for (const std::string& how : wanted) {
    if (!ways.contains(how)) {
      std::fprintf(stderr,
                   "usage: queues_bench [split|one|none]... | --row|--only SIZE PAIRS HOW\n");
      return 2;
    }
    compare_all(how, ways.at(how));
  }
  compare_hand_over();
  compare_ends();
  return 0;
}
