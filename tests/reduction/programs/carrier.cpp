// Writes calls to a file, and in another execution of itself reads and makes them:
//   carrier write FILE [PLUGIN]
//   carrier read FILE
// Built in every way that a program can be (see meson.build). Exits with 3 when the bytes are
// refused.
#include <dlfcn.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/reduction.hpp"
#include "reduction/programs/linked.hpp"

namespace mp = multiprocessing;
using mp::detail::write_call;

namespace {

#ifdef REBUILT
volatile int shift = 100;
#else
volatile int shift = 0;
#endif

void print(const std::string& name, int n) { std::printf("%s %d\n", name.c_str(), n + shift); }

// Twins, which identical-code folding makes one function.
int twin_a(int n) { return 5 * n; }
int twin_b(int n) { return 5 * n; }

struct Statics {
  static void run(int n) { print("static member", n); }
  void member(int n) { print("member function", factor * n); }
  int factor = 2;
};

struct Shape {
  virtual ~Shape() = default;
  virtual int corners() { return 0; }
};
struct Square : Shape {
  int corners() override { return 4; }
};

void corners_of_a_square(int (Shape::*corners)()) {
  Square square;
  print("virtual member function", (square.*corners)());
}

void work_of_a_machine(int (linked::Machine::*work)(int)) {
  linked::Machine machine;
  print("member function of a library", (machine.*work)(1));
}

void call_two(int (*a)(int), int (*b)(int)) { print("twins", a(1) + b(2)); }

void write_calls(mp::detail::Writer& writer) {
  write_call(writer, print, "free function", 1);
  write_call(writer, &Statics::run, 2);
  write_call(
      writer, [](int n) { print("lambda", n); }, 3);
  write_call(
      writer, [](auto n) { print("generic lambda", static_cast<int>(n)); }, 4.0);
  write_call(writer, [=] { print("lambda with a default capture", 5); });
  write_call(writer, &Statics::member, Statics{}, 3);
  write_call(writer, corners_of_a_square, &Shape::corners);
  write_call(writer, mp::Function<void(int)>{mp::partial(print, "function")}, 7);
  write_call(writer, call_two, &twin_a, &twin_b);
  write_call(
      writer, [](int (*f)(int)) { print("function of a library", f(4)); }, &linked::triple);
  write_call(writer, work_of_a_machine, &linked::Machine::work);
}

int write_file(const char* path, const char* plugin) {
  mp::detail::Writer writer;
  write_calls(writer);
  if (plugin != nullptr) {
    void* const library = ::dlopen(plugin, RTLD_NOW);
    if (library == nullptr) {
      std::fprintf(stderr, "%s\n", ::dlerror());
      return 1;
    }
    const auto write_more =
        reinterpret_cast<void (*)(mp::detail::Writer&)>(::dlsym(library, "write_plugin_calls"));
    write_more(writer);
  }
  std::ofstream{path, std::ios::binary} << writer.take();
  return 0;
}

int read_file(const char* path) {
  std::ifstream file{path, std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  mp::detail::Reader reader{bytes};
  try {
    while (reader.remaining() != 0) mp::detail::run_call(reader);
  } catch (const mp::SerializationError& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 3 && std::string{argv[1]} == "write") {
    return write_file(argv[2], argc > 3 ? argv[3] : nullptr);
  }
  if (argc == 3 && std::string{argv[1]} == "read") return read_file(argv[2]);
  return 2;
}
