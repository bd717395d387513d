// What the kernel's files say, and what names may hold.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "monitor/net_dev.hpp"
#include "monitor/printable.hpp"
#include "monitor/process_line.hpp"

namespace mp = multiprocessing;
using namespace mp::detail;

namespace {

const std::string heads =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";

std::string line_for(const std::string& name, const std::vector<std::uint64_t>& numbers) {
  std::string line = "  " + name + ":";
  for (const auto number : numbers) line += " " + std::to_string(number);
  return line + "\n";
}

std::string process_line(const std::string& name, char state = 'S') {
  return "42 (" + name + ") " + state +
         " 7 42 42 0 -1 4194560 1 0 0 0 30 12 0 0 20 0 3 0 5000 1000000 250 18446744073709551615 "
         "1\n";
}

TEST(NetDev, CountersStandWhereTheKernelPutsThem) {
  const auto info = parse_net_dev(
      heads + line_for("eth0", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}) +
      line_for("lo", {100, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0}));
  ASSERT_EQ(info.interfaces.size(), 2U);
  const mp::InterfaceInfo& one = info.interfaces.at("eth0");
  EXPECT_EQ(one.bytes_recv, 1U);
  EXPECT_EQ(one.packets_recv, 2U);
  EXPECT_EQ(one.bytes_sent, 9U);
  EXPECT_EQ(one.packets_sent, 10U);
  EXPECT_EQ(one.errors, 3U + 11);
  EXPECT_EQ(one.drops, 4U + 12);
  EXPECT_EQ(info.sum.bytes_recv, 101U);
}

TEST(NetDev, LargestCountersAndNamesWithColonsAreRead) {
  const std::vector<std::uint64_t> most(16, UINT64_MAX);
  const auto info = parse_net_dev(line_for("eth0:1", most));
  ASSERT_TRUE(info.interfaces.contains("eth0:1"));
  EXPECT_EQ(info.interfaces.at("eth0:1").bytes_sent, UINT64_MAX);
}

TEST(NetDev, AnyTextIsReadWithoutHarm) {
  EXPECT_TRUE(rc::check("any text", [](const std::string& text) { (void)parse_net_dev(text); }));
  EXPECT_TRUE(rc::check("a file that was cut", [] {
    const std::string whole = heads + line_for("eth0", std::vector<std::uint64_t>(16, 12345));
    const auto at = *rc::gen::inRange<std::size_t>(0, whole.size());
    RC_ASSERT(parse_net_dev(whole.substr(0, at)).interfaces.size() <= 1);
  }));
  EXPECT_TRUE(rc::check("what was written is read", [](std::map<std::string, std::uint64_t> all) {
    std::string text = heads;
    std::uint64_t sum = 0;
    std::size_t lines = 0;
    for (const auto& [name, number] : all) {
      if (name.empty() || name.find_first_of(std::string{"\n :\0", 4}) != std::string::npos)
        continue;
      text += line_for(name, std::vector<std::uint64_t>(16, number));
      sum += number;
      ++lines;
    }
    const auto info = parse_net_dev(text);
    RC_ASSERT(info.interfaces.size() == lines);
    RC_ASSERT(info.sum.bytes_sent == sum);
  }));
}

TEST(NetworkTotals, AnInterfaceThatComesGoesOrStartsAnewGivesNoRate) {
  const auto reading = [](std::map<std::string, std::uint64_t> bytes) {
    mp::NetworkInfo info;
    for (const auto& [name, sent] : bytes) info.interfaces[name].bytes_sent = sent;
    return info;
  };
  NetworkTotals totals;
  totals.add(reading({{"lo", 1000}, {"eth0", 5'000'000}}));
  EXPECT_EQ(totals.sent(), 0);
  totals.add(reading({{"lo", 1010}}));  // one has gone
  EXPECT_EQ(totals.sent(), 10);
  totals.add(reading({{"lo", 1010}, {"eth0", 6'000'000}}));  // and comes with all it counted
  EXPECT_EQ(totals.sent(), 10);
  totals.add(reading({{"lo", 5}, {"eth0", 6'000'100}}));  // one starts anew
  EXPECT_EQ(totals.sent(), 110);
  totals.add(reading({{"lo", 6}, {"eth0", 6'000'100}}));
  EXPECT_EQ(totals.sent(), 111);
}

TEST(ProcessLine, NamesMayHoldAnything) {
  for (const std::string name : {"plain", "a b", ") S 1 (", "((", "))", "", "x) R 9 9"}) {
    const auto process = parse_process_line(process_line(name));
    ASSERT_TRUE(process) << name;
    EXPECT_EQ(process->name, name);
    EXPECT_EQ(process->pid, 42);
    EXPECT_EQ(process->parent, 7);
    EXPECT_EQ(process->state, 'S');
    EXPECT_EQ(process->ticks, 42U);
    EXPECT_EQ(process->threads, 3);
    EXPECT_EQ(process->started, 5000U);
    EXPECT_EQ(process->pages, 250U);
  }
  EXPECT_EQ(parse_process_line(process_line("a\nb\x1b[2J\xff"))->name, "a?b?[2J?");
}

TEST(ProcessLine, AnyTextIsReadWithoutHarm) {
  EXPECT_TRUE(
      rc::check("any text", [](const std::string& text) { (void)parse_process_line(text); }));
  EXPECT_TRUE(rc::check("any name", [](const std::string& name) {
    const auto process = parse_process_line(process_line(name, 'Z'));
    RC_ASSERT(process.has_value());
    RC_ASSERT(process->state == 'Z');
    RC_ASSERT(process->name == printable(name));
  }));
  EXPECT_TRUE(rc::check("a line that was cut", [] {
    const std::string whole = process_line("name");
    (void)parse_process_line(whole.substr(0, *rc::gen::inRange<std::size_t>(0, whole.size())));
  }));
}

TEST(Printable, KeepsTextAndReplacesWhatDoesHarm) {
  EXPECT_EQ(printable("Gr\xc3\xbc\xc3\x9f"
                      "e \xe2\x82\xac \xf0\x9f\x98\x80"),
            "Gr\xc3\xbc\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\x1b[31m\r\n\t\x7f"), "?[31m????");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "??2J");  // a control sequence of C1
  EXPECT_EQ(printable("\xc0\xaf\xe0\x80\xaf\xed\xa0\x80\xf4\x90\x80\x80\xff\xc3"),
            std::string(14, '?'));  // too long, a surrogate, too large, no lead, cut off
  EXPECT_TRUE(rc::check("its result is printable", [](const std::string& text) {
    RC_ASSERT(printable(printable(text)) == printable(text));
  }));
}

}  // namespace
