// PNG files by libpng's simplified interface.
#pragma once

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

/// Red, green, blue and alpha of each pixel, row by row.
struct Image {
  std::size_t width = 0, height = 0;
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(width * height * 4);
};

/// Throws std::runtime_error with libpng's own words.
inline Image read_png(const std::string& path) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&png, path.c_str()) == 0)
    throw std::runtime_error{png.message};
  png.format = PNG_FORMAT_RGBA;
  Image image{png.width, png.height};
  if (png_image_finish_read(&png, nullptr, image.bytes.data(), 0, nullptr) == 0)
    throw std::runtime_error{png.message};
  return image;
}

inline void write_png(const std::string& path, const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGBA;
  if (png_image_write_to_file(&png, path.c_str(), 0, image.bytes.data(), 0, nullptr) == 0)
    throw std::runtime_error{png.message};
}
