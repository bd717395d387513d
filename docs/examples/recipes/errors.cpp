// What goes wrong in workers, as the program sees it: errors FILE...
//
// Adds up the settings "name = number" of each file, a task for each. Every error arrives as what
// it was, and costs its own file alone.
#include <multiprocessing/pool.hpp>
#include <multiprocessing/reduction.hpp>

#include <cerrno>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace mp = multiprocessing;

struct ParseError : std::exception {
  int line = 0;
  std::string complaint;

  ParseError() = default;
  ParseError(int its_line, std::string text) : line(its_line), complaint(std::move(text)) {}
  const char* what() const noexcept override { return complaint.c_str(); }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& line& complaint;
  }
};
static const bool registered = mp::register_exception<ParseError>();

struct TooLarge : std::runtime_error {  // not registered: arrives as RemoteError
  using runtime_error::runtime_error;
};

long sum_of(const std::string& path) try {
  std::ifstream file{path};
  if (!file) throw std::system_error{errno, std::generic_category(), path};
  long sum = 0;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const auto equals = line.find('=');
    if (equals == std::string::npos) throw ParseError{number, "no = in '" + line + "'"};
    const std::string value = line.substr(equals + 1);
    if (value == " crash") raise(SIGSEGV);  // as if there were a bad pointer
    sum += std::stol(value);                // throws std::invalid_argument
    if (sum > 1000) throw TooLarge{"more than 1000"};
  }
  return sum;
} catch (const std::system_error&) {
  std::throw_with_nested(std::runtime_error{"cannot read the settings"});
}

void tell(const std::string& path, const mp::AsyncResult<long>& sum) try {
  const long found = sum.get();
  std::cout << path << ": " << found << '\n';
} catch (const ParseError& error) {  // with all it holds
  std::cout << path << ", line " << error.line << ": " << error.what() << '\n';
} catch (const std::invalid_argument& error) {
  std::cout << path << ": not a number (" << error.what() << ")\n";
} catch (const mp::WorkerDied& death) {
  std::cout << path << ": killed by signal " << -death.exitcode() << '\n';
} catch (const std::exception& error) {  // what was nested in it, and where it was thrown
  std::cout << path << ": " << error.what() << '\n' << mp::remote_traceback(error) << '\n';
}

int main(int count, char** arguments) {
  mp::Pool pool(2);
  const std::vector<std::string> paths{arguments + 1, arguments + count};
  std::vector<mp::AsyncResult<long>> sums;
  for (const std::string& path : paths) sums.push_back(pool.apply_async(sum_of, path));
  for (std::size_t i = 0; i < paths.size(); ++i) tell(paths[i], sums[i]);
}
