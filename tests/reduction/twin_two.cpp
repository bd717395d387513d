#include <array>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "multiprocessing/detail/shape.hpp"
#include "multiprocessing/reduction.hpp"
#include "twins.hpp"

namespace reduction_test {
namespace {

namespace mp = multiprocessing;

struct Swapped {
  double price;
  long count;
};
struct Wider {
  short number;
};
struct Signed {
  unsigned number;
};
struct Longer {
  int numbers[4];
};
struct Text {
  std::vector<int> text;
};
struct Inside {
  std::map<int, std::optional<Swapped>> swapped;
};
enum class Level : short {};
struct Tree {
  double value;
  std::vector<Tree> children;
};
struct Class {
  int first = 0;
  double second = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& first;
    archive& second;
  }
};
struct Flat {
  Flat() = default;
  long number = 0;
};
struct Same {
  int count;
  std::vector<std::string> names;
};

struct Failure : std::runtime_error {
  using runtime_error::runtime_error;
};
const bool registered = mp::register_exception<Failure>();

std::uint32_t of_local_class() {
  struct Local {
    double number;
  };
  return mp::detail::fingerprint<Local>();
}

}  // namespace
}  // namespace reduction_test

template <>
inline constexpr bool multiprocessing::is_flat<reduction_test::Flat> = true;

namespace reduction_test {

Fingerprints fingerprints_of_two() {
  using mp::detail::fingerprint;
  return {{"members in another order", fingerprint<Swapped>()},
          {"a wider member", fingerprint<Wider>()},
          {"a sign", fingerprint<Signed>()},
          {"a longer array", fingerprint<Longer>()},
          {"another container", fingerprint<Text>()},
          {"a member deep inside", fingerprint<Inside>()},
          {"an element", fingerprint<std::vector<Swapped>>()},
          {"an alternative", fingerprint<std::variant<int, Swapped>>()},
          {"behind a pointer", fingerprint<std::unique_ptr<Swapped>>()},
          {"a part of a tuple", fingerprint<std::pair<int, Swapped>>()},
          {"in a std::array", fingerprint<std::array<Wider, 2>>()},
          {"an enum", fingerprint<Level>()},
          {"a type that holds itself", fingerprint<Tree>()},
          {"a class with serialize", fingerprint<Class>()},
          {"a type that opted in", fingerprint<Flat>()},
          {"a local class", of_local_class()},
          {"fixed arguments of a partial",
           fingerprint<decltype(mp::partial([](Swapped, int) {}, Swapped{}))>()},
          {"same", fingerprint<Same>()},
          {"same in a list", fingerprint<std::vector<Same>>()}};
}

std::exception_ptr failure_of_two(bool nested) {
  try {
    if (!nested) throw Failure("of two");
    try {
      throw std::runtime_error("cause");
    } catch (...) {
      std::throw_with_nested(Failure("of two"));
    }
  } catch (...) {
    return std::current_exception();
  }
}

bool is_failure_of_two(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Failure&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace reduction_test
