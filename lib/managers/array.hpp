// A manager's Array: an array.array.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "managers/methods.hpp"

namespace multiprocessing::detail {

class Array final : public ByTable<Array> {
 public:
  static constexpr std::string_view type = "array.array";
  static std::span<const Method<Array>> table();

  Array(char typecode, std::string bytes);
  static std::shared_ptr<Referent> make(const std::vector<Object>& args, const Object& kwds);

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] Object value() const override;

 private:
  Outcome length(const Call& call);
  Outcome get_item(const Call& call);
  Outcome set_item(const Call& call);
  Outcome chunk(const Call& call);
  Outcome change(const Call& call);
  Outcome compare_and_set(const Call& call);

  [[nodiscard]] std::size_t size() const { return bytes_.size() / item_size_; }
  [[nodiscard]] Object item(std::size_t place) const;
  [[nodiscard]] std::string_view bytes_at(std::size_t place) const;
  void set(std::size_t place, const Object& value);
  void set_slice(const Object& slice, const Object& values);
  [[nodiscard]] std::size_t place_in_path(const Call& call) const;

  char typecode_;
  std::size_t item_size_;
  std::string bytes_;
};

}  // namespace multiprocessing::detail
