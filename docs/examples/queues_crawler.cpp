// A crawler over local files: workers find more work while they work, and join() knows when all is
// done.
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;
namespace fs = std::filesystem;

// [crawl]
void crawl(mp::JoinableQueue<fs::path> pages, mp::Queue<std::string> found) {
  for (const fs::path& page : pages) {  // until shut down
    std::ifstream in(page);
    for (std::string word; in >> word;)
      if (word.starts_with("link:"))
        pages.put(page.parent_path() / word.substr(5));
      else
        found.put(word);
    pages.task_done();
  }
}

std::vector<std::string> words_reached_from(const fs::path& start) {
  mp::JoinableQueue<fs::path> pages;
  mp::Queue<std::string> found;
  std::vector<mp::Process> workers;
  for (int i = 0; i < 3; ++i) workers.emplace_back(crawl, pages, found).start();
  pages.put(start);
  pages.join();  // throws WorkerDied if a worker is killed with a page in hand
  pages.shutdown();
  for (auto& worker : workers) worker.join();
  std::vector<std::string> words;
  while (auto word = found.try_get()) words.push_back(*word);
  return words;
}
// [/crawl]

int main() {
  const fs::path folder =
      fs::temp_directory_path() / ("crawler-" + std::to_string(mp::current_process().pid()));
  fs::create_directory(folder);
  std::ofstream(folder / "index") << "welcome link:left link:right";
  std::ofstream(folder / "left") << "sinister";
  std::ofstream(folder / "right") << "dexter link:deep";
  std::ofstream(folder / "deep") << "down";
  std::vector<std::string> words = words_reached_from(folder / "index");
  fs::remove_all(folder);
  std::ranges::sort(words);
  for (const std::string& word : words) std::cout << word << ' ';
  std::cout << '\n';
  return words == std::vector<std::string>{"dexter", "down", "sinister", "welcome"} ? 0 : 1;
}
