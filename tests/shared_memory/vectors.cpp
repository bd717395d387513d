#include "vectors.hpp"

#include <bit>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string_view>

namespace shared_memory_test {
namespace {

using Item = ListVector::Item;

/// As much of JSON as the file needs: objects, lists, texts without escapes, and bare words.
struct Json {
  std::string text;
  std::vector<Json> list;
  std::map<std::string, Json> members;
};

class Parser {
 public:
  explicit Parser(std::string_view rest) : rest_(rest) {}

  Json value() {
    Json json;
    if (take('{')) {
      while (!take('}')) {
        const std::string name = value().text;
        expect(':');
        json.members[name] = value();
        take(',');
      }
    } else if (take('[')) {
      while (!take(']')) {
        json.list.push_back(value());
        take(',');
      }
    } else if (take('"')) {
      json.text = until("\"");
      rest_.remove_prefix(1);
    } else {
      json.text = until(",]}");
    }
    return json;
  }

 private:
  bool take(char c) {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw std::runtime_error("a vector is no JSON: " + std::string{rest_});
  }
  std::string until(const char* ends) {
    const std::string found{rest_.substr(0, rest_.find_first_of(ends))};
    rest_.remove_prefix(found.size());
    return found;
  }

  std::string_view rest_;
};

template <class T>
T number(std::string_view text, int base) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(number<unsigned char>(digits.substr(i, 2), 16));
  return bytes;
}

Item item(const Json& json) {
  const std::string& type = json.list.at(0).text;
  const std::string text = json.list.size() > 1 ? json.list[1].text : "";
  if (type == "none") return std::monostate{};
  if (type == "int") return number<std::int64_t>(text, 10);
  if (type == "float") return std::bit_cast<double>(number<std::uint64_t>(text, 16));
  if (type == "bool") return text == "true";
  if (type == "str") return text;
  if (type == "strx") return from_hex(text);
  if (type == "bytes") return multiprocessing::Bytes{from_hex(text)};
  throw std::runtime_error("a vector with an item of type " + type);
}

std::vector<Item> items(const Json& json) {
  std::vector<Item> all;
  for (const Json& each : json.list.at(1).list) all.push_back(item(each));
  return all;
}

}  // namespace

std::vector<ListVector> read_list_vectors() {
  std::vector<ListVector> all;
  std::ifstream file{LIST_VECTORS};
  for (std::string line; std::getline(file, line);) {
    Json json = Parser{line}.value();
    ListVector vector;
    vector.id = json.members["id"].text;
    vector.format = json.members["format"].text;
    vector.initial = items(json.members["initial"]);
    for (const Json& change : json.members["changes"].list)
      vector.changes.emplace_back(number<std::ptrdiff_t>(change.list.at(0).text, 10),
                                  item(change.list.at(1)));
    vector.items = items(json.members["value"]);
    vector.bytes = from_hex(json.members["hex"].text);
    all.push_back(std::move(vector));
  }
  return all;
}

}  // namespace shared_memory_test
