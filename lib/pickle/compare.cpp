#include "pickle/compare.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/base/urandom.hpp"
#include "pickle/integers.hpp"
#include "pickle/names.hpp"
#include "pickle/node.hpp"
#include "pickle/siphash.hpp"

namespace multiprocessing {
namespace detail {
namespace {

using Access = ObjectAccess;
using Kind = ObjectKind;

// Kinds of one rank can be equal.
enum class Rank { none, number, text, bytes, tuple, list, set, dict, instance, name };

Rank rank_of(Kind kind) {
  switch (kind) {
    case Kind::none:
      return Rank::none;
    case Kind::truth:
    case Kind::integer:
    case Kind::real:
    case Kind::large:
      return Rank::number;
    case Kind::text:
      return Rank::text;
    case Kind::bytes:
    case Kind::bytearray:
      return Rank::bytes;
    case Kind::tuple:
      return Rank::tuple;
    case Kind::list:
      return Rank::list;
    case Kind::set:
    case Kind::frozenset:
      return Rank::set;
    case Kind::dict:
      return Rank::dict;
    case Kind::instance:
      return Rank::instance;
    case Kind::name:
      break;
  }
  return Rank::name;
}

// ---- numbers

/// The whole number that a value is, where it is one and 64 bits hold it.
std::optional<std::int64_t> as_small(const Object& value) {
  switch (Access::kind(value)) {
    case Kind::truth:
      return Access::truth(value) ? 1 : 0;
    case Kind::integer:
      return Access::integer(value);
    case Kind::real: {
      const double real = Access::real(value);
      if (real >= -0x1p63 && real < 0x1p63 && real == std::trunc(real))
        return static_cast<std::int64_t>(real);
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::weak_ordering compare_with_real(std::int64_t integer, double real) {
  if (std::isnan(real) || real >= 0x1p63) return std::weak_ordering::less;
  if (real < -0x1p63) return std::weak_ordering::greater;
  const auto whole = static_cast<std::int64_t>(real);
  if (integer != whole) return integer <=> whole;
  const double rest = real - std::trunc(real);
  if (rest == 0) return std::weak_ordering::equivalent;
  return rest > 0 ? std::weak_ordering::less : std::weak_ordering::greater;
}

std::weak_ordering compare_with_real(std::string_view large, double real) {
  if (std::isnan(real) || real == HUGE_VAL) return std::weak_ordering::less;
  if (real == -HUGE_VAL) return std::weak_ordering::greater;
  return compare_integers(large, integer_bytes(real));
}

std::weak_ordering compare_reals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  return std::weak_order(a == 0 ? 0.0 : a, b == 0 ? 0.0 : b);
}

std::weak_ordering compare_numbers(const Object& a, const Object& b) {
  const Kind kind = Access::kind(a);
  const Kind other = Access::kind(b);
  if (kind == Kind::real && other == Kind::real)
    return compare_reals(Access::real(a), Access::real(b));
  if (kind == Kind::real) return 0 <=> compare_numbers(b, a);
  if (other == Kind::real)
    return kind == Kind::large ? compare_with_real(Access::text(a), Access::real(b))
                               : compare_with_real(*as_small(a), Access::real(b));
  if (kind == Kind::large || other == Kind::large)
    return compare_integers(kind == Kind::large ? Access::text(a) : integer_bytes(*as_small(a)),
                            other == Kind::large ? Access::text(b) : integer_bytes(*as_small(b)));
  return *as_small(a) <=> *as_small(b);
}

// ---- containers

std::weak_ordering compare(const Object& a, const Object& b);

using Entries = std::vector<const Table::Entry*>;

Entries sorted(const Table& table) {
  Entries entries;
  entries.reserve(table.size());
  table.each([&](const Table::Entry& entry) { entries.push_back(&entry); });
  std::sort(entries.begin(), entries.end(),
            [](const auto* one, const auto* other) { return compare(one->key, other->key) < 0; });
  return entries;
}

std::weak_ordering compare_tables(const Table& a, const Table& b) {
  const Entries one = sorted(a);
  const Entries other = sorted(b);
  return std::lexicographical_compare_three_way(
      one.begin(), one.end(), other.begin(), other.end(), [](const auto* x, const auto* y) {
        const auto by_key = compare(x->key, y->key);
        return by_key != 0 ? by_key : compare(x->value, y->value);
      });
}

bool same_tables(const Table& a, const Table& b) {
  if (a.size() != b.size()) return false;
  bool equal = true;
  a.each([&](const Table::Entry& entry) {
    if (!equal) return;
    const Table::Entry* found = b.find(entry.key, entry.hash);
    equal = found != nullptr && same(entry.value, found->value);
  });
  return equal;
}

std::weak_ordering compare_instances(const InstanceNode& a, const InstanceNode& b) {
  if (const auto by_name = full_name(*a.name) <=> full_name(*b.name); by_name != 0) return by_name;
  if (const auto by_args = compare(a.args, b.args); by_args != 0) return by_args;
  return compare(a.state, b.state);
}

std::weak_ordering compare(const Object& a, const Object& b) {
  const Rank rank = rank_of(Access::kind(a));
  if (rank != rank_of(Access::kind(b))) return rank <=> rank_of(Access::kind(b));
  if (rank > Rank::number && Access::node(a) == Access::node(b))
    return std::weak_ordering::equivalent;
  switch (rank) {
    case Rank::none:
      return std::weak_ordering::equivalent;
    case Rank::number:
      return compare_numbers(a, b);
    case Rank::text:
    case Rank::bytes:
      return Access::text(a) <=> Access::text(b);
    case Rank::tuple:
    case Rank::list: {
      const auto& one = Access::items(a);
      const auto& other = Access::items(b);
      return std::lexicographical_compare_three_way(one.begin(), one.end(), other.begin(),
                                                    other.end(), compare);
    }
    case Rank::set:
    case Rank::dict:
      return compare_tables(Access::table(a), Access::table(b));
    case Rank::instance:
      return compare_instances(Access::node<InstanceNode>(a), Access::node<InstanceNode>(b));
    case Rank::name:
      break;
  }
  return full_name(*Access::node<NameNode>(a).name) <=> full_name(*Access::node<NameNode>(b).name);
}

// ---- hashes

// Set when they are first needed, without a lock that a fork could leave taken.
constinit std::atomic<std::uint64_t> key_words[2] = {0, 0};

std::uint64_t key_word(std::atomic<std::uint64_t>& word) {
  std::uint64_t value = word.load(std::memory_order_relaxed);
  if (value != 0) return value;
  std::uint64_t made = 0;
  std::memcpy(&made, urandom(sizeof made).data(), sizeof made);
  made |= 1;
  return word.compare_exchange_strong(value, made, std::memory_order_relaxed) ? made : value;
}

SipKey key_of_this_process() { return {key_word(key_words[0]), key_word(key_words[1])}; }

std::uint64_t hash_bytes(std::string_view bytes) {
  const std::uint64_t hash = siphash(key_of_this_process(), bytes);
  return hash == 0 ? 1 : hash;
}

template <class T>
std::uint64_t hash_word(T word) {
  return hash_bytes({reinterpret_cast<const char*>(&word), sizeof word});
}

std::uint64_t hash_real(double real) {
  if (std::isnan(real)) return hash_bytes("nan");
  if (std::isfinite(real) && real == std::trunc(real)) return hash_bytes(integer_bytes(real));
  return hash_word(real);
}

std::uint64_t hash_tuple(SequenceNode& node) {
  std::uint64_t hash = node.hash.load(std::memory_order_relaxed);
  if (hash != 0) return hash;
  std::vector<std::uint64_t> hashes;
  hashes.reserve(node.items.size());
  for (const Object& item : node.items) hashes.push_back(hash_of(item));
  hash = hash_bytes({reinterpret_cast<const char*>(hashes.data()), hashes.size() * sizeof hash});
  node.hash.store(hash, std::memory_order_relaxed);
  return hash;
}

/// The same in any order.
std::uint64_t hash_set(const Table& table) {
  std::uint64_t sum = table.size();
  table.each([&](const Table::Entry& entry) { sum += hash_word(entry.hash); });
  return hash_word(sum);
}

}  // namespace

bool same(const Object& a, const Object& b) {
  const Kind kind = Access::kind(a);
  const Rank rank = rank_of(kind);
  if (rank != rank_of(Access::kind(b))) return false;
  switch (rank) {
    case Rank::text:
    case Rank::bytes:
      return Access::text(a) == Access::text(b);
    case Rank::tuple:
    case Rank::list: {
      if (Access::node(a) == Access::node(b)) return true;
      const auto& one = Access::items(a);
      const auto& other = Access::items(b);
      return std::equal(one.begin(), one.end(), other.begin(), other.end(), same);
    }
    case Rank::set:
    case Rank::dict:
      return Access::node(a) == Access::node(b) || same_tables(Access::table(a), Access::table(b));
    default:
      return compare(a, b) == 0;
  }
}

std::uint64_t hash_of(const Object& value) {
  if (const auto small = as_small(value)) return hash_word(*small);
  switch (Access::kind(value)) {
    case Kind::none:
      return hash_bytes("None");
    case Kind::real:
      return hash_real(Access::real(value));
    case Kind::large:
    case Kind::text:
    case Kind::bytes:
      return hash_bytes(Access::text(value));
    case Kind::tuple:
      return hash_tuple(Access::node<SequenceNode>(value));
    case Kind::frozenset:
      return hash_set(Access::table(value));
    case Kind::name:
      return hash_bytes(full_name(*Access::node<NameNode>(value).name));
    default:
      throw TypeError("unhashable type: '" + value.type() + "'");
  }
}

}  // namespace detail

bool operator==(const Object& a, const Object& b) { return detail::same(a, b); }
std::weak_ordering operator<=>(const Object& a, const Object& b) { return detail::compare(a, b); }

}  // namespace multiprocessing

std::size_t std::hash<multiprocessing::Object>::operator()(
    const multiprocessing::Object& value) const {
  return multiprocessing::detail::hash_of(value);
}
