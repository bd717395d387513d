#include "vectors.hpp"

#include <cctype>
#include <fstream>

namespace connection_test {
namespace {

std::size_t value_of(const std::string& line, const std::string& name) {
  const std::string key = '"' + name + "\":";
  const std::size_t at = line.find(key);
  return at == std::string::npos ? at : at + key.size();
}

std::string quoted(const std::string& line, std::size_t& at) {
  const std::size_t start = line.find('"', at) + 1;
  const std::size_t end = line.find('"', start);
  at = end + 1;
  return line.substr(start, end - start);
}

}  // namespace

std::vector<std::string> vectors(const std::string& file, std::string_view start) {
  std::ifstream stream{std::string{CONNECTION_TESTS} + '/' + file};
  std::vector<std::string> found;
  for (std::string line; std::getline(stream, line);)
    if (field(line, "id").starts_with(start)) found.push_back(line);
  return found;
}

std::string field(const std::string& line, const std::string& name) {
  std::size_t at = value_of(line, name);
  if (at == std::string::npos) return {};
  if (line[at] == '"') return quoted(line, at);
  const std::size_t end = line.find_first_of(",}", at);
  const std::string text = line.substr(at, end - at);
  return text == "null" ? "" : text;
}

std::vector<std::pair<std::string, std::string>> pairs(const std::string& line,
                                                       const std::string& name) {
  std::vector<std::pair<std::string, std::string>> found;
  std::size_t at = value_of(line, name);
  const std::size_t end = line.find("]]", at);
  while (line.find('"', at) < end) {
    std::string first = quoted(line, at);
    std::string second = quoted(line, at);
    found.emplace_back(std::move(first), std::move(second));
  }
  return found;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string{digits.substr(i, 2)}, nullptr, 16));
  return bytes;
}

std::string to_hex(std::string_view bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace connection_test
