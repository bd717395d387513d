// Thumbnails of all PNG images of a folder, a task for each: thumbnails [FOLDER [PIXELS]]
//
// They are written to FOLDER/thumbnails. An image that cannot be read costs one line on standard
// error, and so does one that kills its worker. Without a folder, some images are made first.
#include <multiprocessing/pool.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "png_image.hpp"

namespace mp = multiprocessing;
namespace fs = std::filesystem;

/// Each pixel is the mean of those that it stands for, weighed by their alpha.
Image shrunk(const Image& image, std::size_t most) {
  const std::size_t longer = std::max({image.width, image.height, most});
  Image small{std::max<std::size_t>(1, image.width * most / longer),
              std::max<std::size_t>(1, image.height * most / longer)};
  for (std::size_t y = 0; y < small.height; ++y) {
    for (std::size_t x = 0; x < small.width; ++x) {
      std::array<std::size_t, 4> sum{};
      std::size_t pixels = 0;
      for (auto v = y * image.height / small.height; v < (y + 1) * image.height / small.height; ++v)
        for (auto u = x * image.width / small.width; u < (x + 1) * image.width / small.width; ++u) {
          const std::uint8_t* pixel = &image.bytes[(v * image.width + u) * 4];
          for (std::size_t i = 0; i < 3; ++i) sum[i] += std::size_t{pixel[i]} * pixel[3];
          sum[3] += pixel[3];
          ++pixels;
        }
      std::uint8_t* pixel = &small.bytes[(y * small.width + x) * 4];
      for (std::size_t i = 0; i < 3 && sum[3] > 0; ++i)
        pixel[i] = static_cast<std::uint8_t>(sum[i] / sum[3]);
      pixel[3] = static_cast<std::uint8_t>(sum[3] / pixels);
    }
  }
  return small;
}

// [thumbnails]
struct Task {
  std::string image, thumbnail;
  std::size_t pixels = 0;
};

void make_thumbnail(const Task& task) {
  const std::string part = task.thumbnail + ".part";
  write_png(part, shrunk(read_png(task.image), task.pixels));
  fs::rename(part, task.thumbnail);  // so a worker that is killed leaves no half of one
}

int make_thumbnails(const fs::path& folder, std::size_t pixels) {
  fs::create_directory(folder / "thumbnails");
  std::vector<Task> tasks;
  for (const fs::directory_entry& file : fs::directory_iterator{folder})
    if (file.path().extension() == ".png")
      tasks.push_back({file.path(), folder / "thumbnails" / file.path().filename(), pixels});
  mp::Pool pool;
  auto made = pool.imap(make_thumbnail, tasks);
  std::size_t failed = 0;
  for (const Task& task : tasks) {
    try {
      made.next();
    } catch (const std::exception& error) {  // of this image alone
      std::cerr << task.image << ": " << error.what() << '\n';
      ++failed;
    }
  }
  std::cout << tasks.size() - failed << " thumbnails, " << failed << " failures\n";
  return failed == 0 ? 0 : 1;
}
// [/thumbnails]

void make_images(const fs::path& folder) {
  for (std::size_t number = 1; number <= 8; ++number) {
    Image image{.width = 40 * number, .height = 100};
    for (std::size_t i = 0; i < image.bytes.size(); ++i)
      image.bytes[i] = static_cast<std::uint8_t>(i % 4 == 3 ? 255 : i / 4 * number);
    write_png(folder / (std::to_string(number) + ".png"), image);
  }
}

int main(int count, char** arguments) {
  const std::size_t pixels = count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 64;
  if (count > 3 || pixels == 0 || (count > 1 && !fs::is_directory(arguments[1]))) {
    std::cerr << "usage: thumbnails [FOLDER [PIXELS]]\n";
    return 2;
  }
  if (count > 1) return make_thumbnails(arguments[1], pixels);
  std::string folder = fs::temp_directory_path() / "thumbnails-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw fs::filesystem_error{"mkdtemp", folder, {}};
  make_images(folder);
  const int code = make_thumbnails(folder, pixels);
  fs::remove_all(folder);
  return code;
}
