// What the programs of the sweep share: a verdict in the last line and in the exit code.
// 0 right; 3 exception; 4 wrong value; 5 a child failed (and said so); 6 a wait of 4 s ran out
// though all children live.
#pragma once
#include <cxxabi.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <multiprocessing.hpp>
#include <string>
#include <vector>
namespace mp = multiprocessing;
using namespace std::chrono_literals;
inline std::vector<mp::Process>* all_children = nullptr;
struct Wrong {
  std::string what;
};
inline void expect(bool holds, const char* what) {
  if (!holds) throw Wrong{what};
}
#define EXPECT(x) expect((x), #x)
inline int say(int code, const std::string& text) {
  std::printf("RESULT %s\n", text.c_str());
  std::fflush(stdout);
  return code;
}
// joins all; throws Wrong or returns 0/5
inline int join_all(std::vector<mp::Process>& children, int wanted = 0) {
  int code = 0;
  for (auto& c : children) {
    if (!c.join(5s)) {
      code = 6;
      say(6, "join timed out, pid " + std::to_string(*c.pid()));
      c.kill();
      c.join(2s);
      continue;
    }
    if (c.exitcode() != wanted && code == 0)
      code = say(5, "child exitcode " + std::to_string(c.exitcode().value_or(-999)));
  }
  return code;
}
template <class F>
int attack_main(int argc, char** argv, F body) {
  getpriority(PRIO_PROCESS, 1234567);  // the mark: main has begun
  const char* method = argc > 1 ? argv[1] : "fork";
  int status;
  try {
    std::vector<mp::Process> children;
    std::string text;
    int code = 0;
    try {
      auto context = mp::get_context(method);
      code = body(context, children);
    } catch (const Wrong& wrong) {
      code = 4;
      text = "wrong " + wrong.what;
    } catch (const mp::TimeoutError& e) {
      code = 6;
      text = std::string("timeout ") + e.what();
    } catch (const mp::Empty& e) {
      code = 6;
      text = std::string("empty ") + e.what();
    } catch (const mp::Full& e) {
      code = 6;
      text = std::string("full ") + e.what();
    } catch (const std::exception& e) {
      int s;
      char* n = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &s);
      code = 3;
      text = std::string("exception ") + (n ? n : "?") + ": " + e.what();
    }
    if (code == 6 || code == 4) {  // is a dead child the reason?
      usleep(100000);
      for (auto& c : children) try {
          if (c.exitcode() && *c.exitcode() != 0) {
            code = 5;
            text += " (child exitcode " + std::to_string(*c.exitcode()) + ")";
            break;
          }
        } catch (...) {
        }
    }
    if (!text.empty()) say(code, text);
    if (code != 0)
      for (auto& c : children) try {
          c.kill();
          c.join(2s);
        } catch (...) {
        }
    status = code;
  } catch (const std::exception& e) {
    status = say(3, std::string("exception outer ") + e.what());
  }
  if (status == 0) say(0, "ok");
  return status;
}
