// A plug-in: it writes calls of functions that only it knows.
#include <cstdio>
#include <stdexcept>
#include <string>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/reduction.hpp"

namespace {

#ifdef REBUILT
int built_twice = 2;
#endif

[[maybe_unused]] void greet(const std::string& name, int n) {
#ifdef REBUILT
  n *= built_twice;
#endif
  std::printf("plugin greets %s %d\n", name.c_str(), n);
}

}  // namespace

extern "C" [[gnu::visibility("default")]] void write_plugin_calls(
    multiprocessing::detail::Writer& writer) {
  using multiprocessing::detail::write_call;
  write_call(writer, greet, "Ada", 7);
  write_call(
      writer, [](int n) { std::printf("plugin lambda %d\n", n); }, 8);
  write_call(writer, multiprocessing::Function<void(int)>{multiprocessing::partial(greet, "Bob")},
             9);
}
