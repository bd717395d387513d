// Ends of pipes and sockets among the arguments of a process.
#include "process/end_fd.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "multiprocessing/base/errors.hpp"
#include "process/envelope.hpp"
#include "process/fork_gate.hpp"
#include "process_suite.hpp"

namespace process_test {
namespace {

using mp::detail::EndFd;
using mp::detail::Envelope;
using mp::detail::UniqueFd;

/// What a Connection is, as far as this module is concerned.
class End {
 public:
  End() = default;
  explicit End(std::shared_ptr<EndFd> end) : end_(std::move(end)) {}

  void put(char letter) const { EXPECT_EQ(write(EndFd::Use{*end_}.get(), &letter, 1), 1); }
  [[nodiscard]] std::string get() const {  // "" at end-of-file
    char letter = 0;
    const auto got = read(EndFd::Use{*end_}.get(), &letter, 1);
    return std::string(static_cast<std::size_t>(got), letter);
  }
  [[nodiscard]] EndFd& fd() const { return *end_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    std::uint32_t place = 0;
    if constexpr (Archive::is_saving::value) place = Envelope::enclose(end_);
    archive& place;
    if constexpr (!Archive::is_saving::value) end_ = Envelope::enclosed(place).end;
  }

 private:
  std::shared_ptr<EndFd> end_;
};

std::pair<End, End> make_ends() {
  std::scoped_lock guard{mp::detail::fork_gate()};
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {End{std::make_shared<EndFd>(UniqueFd{fds[0]})},
          End{std::make_shared<EndFd>(UniqueFd{fds[1]})}};
}

TEST_P(ProcessTest, AnEndThatWasMovedIntoAProcessIsTheChildsAlone) {
  auto [here, there] = make_ends();
  mp::Process child{[](End end) { end.put('a'); }, std::move(there)};
  child.start();
  EXPECT_EQ(here.get(), "a");
  EXPECT_EQ(here.get(), "");
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(ProcessTest, AnEndThatWasCopiedIntoAProcessIsOpenHereToo) {
  auto [here, there] = make_ends();
  mp::Process child{[](End end) { end.put('a'); }, there};
  child.start();
  child.join();
  EXPECT_EQ(here.get(), "a");
  there.put('b');
  EXPECT_EQ(here.get(), "b");
}

TEST_P(ProcessTest, TwoArgumentsOfOneEndShareOneDescriptor) {
  auto [here, there] = make_ends();
  const auto target = [](End first, End second) {
    first.put(EndFd::Use{first.fd()}.get() == EndFd::Use{second.fd()}.get() ? 'y' : 'n');
  };
  mp::Process child{target, there, there};
  child.start();
  EXPECT_EQ(here.get(), "y");
  child.join();
}

TEST_P(ProcessTest, AChildDoesNotKeepEndOfFileFromAnother) {
  Mailbox says;
  Gate gate;
  auto [here, there] = make_ends();
  mp::Process bystander{entry::say_and_wait, says, gate};
  bystander.start();
  (void)says.get();
  { const End gone = std::move(there); }
  EXPECT_EQ(here.get(), "");
  gate.open();
  bystander.join();
  EXPECT_EQ(bystander.exitcode(), 0);
}

TEST_P(ProcessTest, ManyEndsArriveInTheirOrder) {
  constexpr std::size_t many = 200;
  std::vector<End> here, there;
  for (std::size_t i = 0; i < many; ++i) {
    auto [a, b] = make_ends();
    here.push_back(std::move(a));
    there.push_back(std::move(b));
  }
  const auto target = [](std::vector<End> ends) {
    for (std::size_t i = 0; i < ends.size(); ++i) ends[i].put(static_cast<char>('a' + i % 26));
  };
  mp::Process child{target, std::move(there)};
  child.start();
  for (std::size_t i = 0; i < many; ++i)
    EXPECT_EQ(here[i].get(), std::string(1, static_cast<char>('a' + i % 26)));
  child.join();
}

TEST_P(ProcessTest, DescriptorsOfEndsAreCloseOnExecInTheChild) {
  auto [here, there] = make_ends();
  const auto target = [](End end) {
    end.put((fcntl(EndFd::Use{end.fd()}.get(), F_GETFD) & FD_CLOEXEC) != 0 ? 'y' : 'n');
  };
  mp::Process child{target, std::move(there)};
  child.start();
  EXPECT_EQ(here.get(), "y");
  child.join();
}

TEST(EndFdTest, MoreEndsThanOneRequestCarriesAreAClearError) {
  std::vector<End> ends;
  for (int i = 0; i < 250; ++i) ends.push_back(make_ends().first);
  auto child = mp::get_context("forkserver").Process([](std::vector<End>) {}, std::move(ends));
  try {
    child.start();
    FAIL();
  } catch (const mp::ValueError& error) {
    EXPECT_NE(std::string{error.what()}.find("too many fds"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(child.is_alive());
}

TEST(EndFdTest, AForkThatOnlyForkCanDoInheritsAllEnds) {
  auto [here, there] = make_ends();
  auto child = mp::get_context("fork").Process([&there = there] { there.put('a'); });
  child.start();
  EXPECT_EQ(here.get(), "a");
  child.join();
}

TEST(EndFdTest, AnEndIsGivenBackWhenTheLastCallThatUsesItReturns) {
  auto [here, there] = make_ends();
  {
    const EndFd::Use use{there.fd()};
    there.fd().close();
    EXPECT_GE(fcntl(use.get(), F_GETFD), 0);
    EXPECT_EQ(EndFd::Use{there.fd()}.get(), use.get());  // by the same call, perhaps
  }
  EXPECT_EQ(EndFd::Use{there.fd()}.get(), -1);
  EXPECT_THROW((void)EndFd::Use{there.fd()}.get_open(), mp::OSError);
  EXPECT_EQ(here.get(), "");
}

TEST(EndFdTest, AnEndInAnotherMessageSaysWhereItCanGo) {
  auto [here, there] = make_ends();
  mp::detail::Writer writer;
  EXPECT_THROW(mp::detail::write(writer, there), mp::SerializationError);
}

}  // namespace
}  // namespace process_test
