// Which words are in the most files: map_reduce [FOLDER [WORDS]]
//
// Map and reduce both run in workers. The words are partitioned by their hash: each mapper gives
// its counts in as many parts as there are reducers, and each reducer adds up one part of all.
#include <multiprocessing/pool.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
namespace fs = std::filesystem;

struct Count {
  std::size_t files = 0, times = 0;
};
using Counts = std::unordered_map<std::string, Count>;
using Row = std::pair<std::string, Count>;

/// The counts of one file, in as many parts as there are reducers.
std::vector<Counts> count_file(const std::string& path, std::size_t reducers) {
  std::ifstream file{path};
  if (!file) throw std::system_error{errno, std::generic_category(), path};
  std::vector<Counts> parts(reducers);
  std::string word;
  const auto note = [&] {
    if (!word.empty()) ++parts[std::hash<std::string>{}(word) % reducers][word].times;
    word.clear();
  };
  for (std::istreambuf_iterator<char> at{file}, end; at != end; ++at) {
    if (std::isalpha(static_cast<unsigned char>(*at)) != 0)
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(*at)));
    else
      note();
  }
  note();
  return parts;
}

bool more_common(const Row& one, const Row& other) {
  if (one.second.files != other.second.files) return one.second.files > other.second.files;
  if (one.second.times != other.second.times) return one.second.times > other.second.times;
  return one.first < other.first;
}

/// The most common words of one part.
std::vector<Row> add_up(const std::vector<Counts>& parts, std::size_t most) {
  Counts total;
  for (const Counts& part : parts)
    for (const auto& [word, count] : part) {
      ++total[word].files;
      total[word].times += count.times;
    }
  std::vector<Row> rows{total.begin(), total.end()};
  std::ranges::sort(rows, more_common);
  rows.resize(std::min(rows.size(), most));
  return rows;
}

std::vector<Row> most_common(mp::Pool& pool, const std::vector<std::string>& paths,
                             std::size_t most) {
  const auto reducers = static_cast<std::size_t>(pool.processes());
  std::vector<std::pair<std::string, std::size_t>> inputs;
  for (const std::string& path : paths) inputs.emplace_back(path, reducers);

  std::vector<std::pair<std::vector<Counts>, std::size_t>> shuffled(reducers, {{}, most});
  for (std::vector<Counts>& parts : pool.starmap(count_file, inputs))
    for (std::size_t i = 0; i < reducers; ++i) shuffled[i].first.push_back(std::move(parts[i]));

  std::vector<Row> rows;
  for (std::vector<Row>& some : pool.starmap(add_up, shuffled, {.chunksize = 1}))
    rows.insert(rows.end(), some.begin(), some.end());
  std::ranges::sort(rows, more_common);  // no word is in two parts
  rows.resize(std::min(rows.size(), most));
  return rows;
}

int main(int count, char** arguments) try {
  const fs::path folder = count > 1 ? arguments[1] : "/usr/share/common-licenses";
  const std::size_t most = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 10;
  std::vector<std::string> paths;
  for (const fs::directory_entry& file : fs::recursive_directory_iterator{folder})
    if (!file.is_symlink() && file.is_regular_file()) paths.push_back(file.path());
  mp::Pool pool;
  for (const auto& [word, found] : most_common(pool, paths, most))
    std::cout << found.files << ' ' << found.times << ' ' << word << '\n';
} catch (const std::system_error& error) {
  std::cerr << "map_reduce: " << error.what() << '\n';
  return 1;
}
