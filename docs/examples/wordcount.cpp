// Counts the words of files and folders by a pool of processes: a map-reduce over real input.
//
//   wordcount [--method fork|spawn|forkserver] [--processes N] [--chunksize C] [--top K] [--serial]
//             PATH...
//
// A word is a maximal run of ASCII letters, in lower case. Folders are walked, without following
// links in them. Prints the K most frequent words, then files, bytes, seconds and how much faster
// it was than a serial count. Files that cannot be read are named on standard error and left out;
// the exit status is then 1. It is 2 when the command line makes no sense.
#include <getopt.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <multiprocessing/pool.hpp>

namespace mp = multiprocessing;
namespace fs = std::filesystem;

// [count]
/// What one slice of the files holds. An aggregate: it is sent without further ado.
struct Counts {
  std::unordered_map<std::string, std::uint64_t> words;
  std::vector<std::string> unreadable;
  std::uint64_t bytes = 0;
};
using Slice = std::vector<std::string>;  // the paths that one task reads

void count_words(std::string_view text, Counts& counts) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string word;
  for (auto at = text.begin(); at != text.end();) {
    at = std::find_if(at, text.end(), is_letter);
    const auto end = std::find_if_not(at, text.end(), is_letter);
    if (at == end) break;
    word.assign(at, end);
    for (char& letter : word) letter = static_cast<char>(letter | 0x20);  // to lower case
    ++counts.words[word];
    at = end;
  }
}

/// The map step: a worker counts a slice of the files.
Counts count_files(const Slice& paths) {
  Counts counts;
  for (const std::string& path : paths) {
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (!file.is_open() || file.bad()) {
      counts.unreadable.push_back(path + ": " + std::strerror(errno));
      continue;
    }
    counts.bytes += text.size();
    count_words(text, counts);
  }
  return counts;
}

/// The reduce step: the parent adds the counts up.
Counts add_up(std::vector<Counts> parts) {
  Counts total;
  for (Counts& part : parts) {
    if (total.words.empty()) total.words.swap(part.words);
    for (const auto& [word, count] : part.words) total.words[word] += count;
    for (std::string& path : part.unreadable) total.unreadable.push_back(std::move(path));
    total.bytes += part.bytes;
  }
  return total;
}
// [/count]

struct Options {
  std::string method = "";  // empty: the library's default
  int processes = mp::cpu_count();
  int chunksize = 1;
  std::size_t top = 10;
  bool serial = false;
  std::vector<std::string> paths = {};
};

/// A command line that makes no sense, and why.
class UsageError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

int number_in(std::string_view text, const char* option, int least) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least)
    throw UsageError(std::string(option) + " takes a number of at least " + std::to_string(least) +
                     ", not '" + std::string(text) + "'");
  return value;
}

void set_option(Options& options, int option, char** argv) {
  const std::string value = optarg == nullptr ? "" : optarg;
  if (option == 'm') {
    const auto methods = mp::get_all_start_methods();
    if (std::ranges::find(methods, value) == methods.end())
      throw UsageError("--method takes fork, spawn or forkserver, not '" + value + "'");
    options.method = value;
  } else if (option == 'p') {
    options.processes = number_in(value, "--processes", 1);
  } else if (option == 'c') {
    options.chunksize = number_in(value, "--chunksize", 1);
  } else if (option == 'k') {
    options.top = static_cast<std::size_t>(number_in(value, "--top", 0));
  } else if (option == 's') {
    options.serial = true;
  } else {
    throw UsageError(std::string("'") + argv[optind - 1] + "' is no option, or lacks its value");
  }
}

Options read_options(int argc, char** argv) {
  const option known[] = {{"method", required_argument, nullptr, 'm'},
                          {"processes", required_argument, nullptr, 'p'},
                          {"chunksize", required_argument, nullptr, 'c'},
                          {"top", required_argument, nullptr, 'k'},
                          {"serial", no_argument, nullptr, 's'},
                          {nullptr, 0, nullptr, 0}};
  Options options;
  opterr = 0;
  for (int each; (each = getopt_long(argc, argv, "", known, nullptr)) != -1;)
    set_option(options, each, argv);
  options.paths.assign(argv + optind, argv + argc);
  if (options.paths.empty())
    throw UsageError(
        "usage: wordcount [--method fork|spawn|forkserver] [--processes N] [--chunksize C] "
        "[--top K] [--serial] PATH...");
  return options;
}

struct Files {
  std::vector<std::pair<std::string, std::uint64_t>> found;  // path and size
  std::vector<std::string> unreadable;                       // folders
};

void walk(const fs::path& folder, Files& files) {
  std::error_code error;
  fs::directory_iterator at{folder, error};
  if (error) {
    files.unreadable.push_back(folder.string() + ": " + error.message());
    return;
  }
  for (const fs::directory_entry& entry : at) {
    const fs::file_status status = entry.symlink_status(error);
    if (fs::is_directory(status)) {
      walk(entry.path(), files);
    } else if (fs::is_regular_file(status)) {
      const std::uintmax_t size = entry.file_size(error);
      files.found.emplace_back(entry.path().string(), error ? 0 : size);
    }
  }
}

Files list_files(const std::vector<std::string>& paths) {
  Files files;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw UsageError(path + ": there is no such file or folder");
    if (fs::is_directory(status))
      walk(path, files);
    else
      files.found.emplace_back(path, fs::file_size(path, error));
  }
  return files;
}

/// About a megabyte each, and the largest files first, so that no worker is left with one at the
/// end.
std::vector<Slice> slice_up(Files& files) {
  constexpr std::uint64_t slice_bytes = 1 << 20;
  std::ranges::sort(files.found, std::ranges::greater{},
                    &std::pair<std::string, std::uint64_t>::second);
  std::vector<Slice> slices;
  std::uint64_t filled = slice_bytes;
  for (const auto& [path, size] : files.found) {
    if (filled >= slice_bytes) {
      slices.emplace_back();
      filled = 0;
    }
    slices.back().push_back(path);
    filled += size + 4096;  // opening a small file costs as much as reading a few pages
  }
  return slices;
}

Counts count_serially(const std::vector<Slice>& slices) {
  std::vector<Counts> parts;
  for (const Slice& slice : slices) parts.push_back(count_files(slice));
  return add_up(std::move(parts));
}

// [pool]
Counts count_in_pool(const Options& options, const std::vector<Slice>& slices) {
  const mp::Context context =
      options.method.empty() ? mp::get_context() : mp::get_context(options.method);
  auto pool = context.Pool(options.processes);
  return add_up(pool.map(count_files, slices,
                         mp::MapOptions{.chunksize = options.chunksize, .progress = true}));
}
// [/pool]

template <class F>
std::pair<Counts, double> timed(F count) {
  const auto start = std::chrono::steady_clock::now();
  Counts counts = count();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {std::move(counts), took.count()};
}

void print_top(const Counts& counts, std::size_t top) {
  std::vector<std::pair<std::string, std::uint64_t>> table{counts.words.begin(),
                                                           counts.words.end()};
  std::ranges::sort(table, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  table.resize(std::min(top, table.size()));
  for (const auto& [word, count] : table) std::cout << count << ' ' << word << '\n';
}

int run(const Options& options) {
  Files files = list_files(options.paths);
  const std::vector<Slice> slices = slice_up(files);

  const auto serial = [&] { return count_serially(slices); };
  auto [counts, seconds] =
      options.serial ? timed(serial) : timed([&] { return count_in_pool(options, slices); });
  print_top(counts, options.top);
  std::cout << files.found.size() << " files, " << counts.bytes << " bytes, " << std::fixed
            << std::setprecision(2) << seconds << " seconds";
  // Behind the pool, so that it is the serial count that finds the files in the page cache.
  if (!options.serial) std::cout << ", speed-up " << timed(serial).second / seconds;
  std::cout << '\n';

  files.unreadable.insert(files.unreadable.end(), counts.unreadable.begin(),
                          counts.unreadable.end());
  for (const std::string& problem : files.unreadable) std::cerr << "wordcount: " << problem << '\n';
  return files.unreadable.empty() ? 0 : 1;
}

int main(int argc, char** argv) {
  try {
    return run(read_options(argc, argv));
  } catch (const UsageError& error) {
    std::cerr << "wordcount: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "wordcount: " << error.what() << '\n';
    return 1;
  }
}
