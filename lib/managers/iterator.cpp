#include "managers/iterator.hpp"

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {

std::span<const Method<Iterator>> Iterator::table() {
  static constexpr Method<Iterator> methods[] = {
      {{"__next__", Form::wrapper, 0}, &Iterator::next},
      {{"send", Form::own}, &Iterator::send},
      {{"throw", Form::own}, &Iterator::throw_into},
      {{"close", Form::own}, &Iterator::close},
  };
  return methods;
}

Made Iterator::made(std::string name, std::function<std::optional<Object>()> next) {
  return {std::string{type_id}, std::make_shared<Iterator>(std::move(name), std::move(next))};
}

Object Iterator::value() const { throw TypeError("cannot pickle '" + name_ + "' object"); }

Outcome Iterator::next(const Call&) {
  if (auto item = next_()) return *std::move(item);
  throw StopIteration("");
}

// Those three are a generator's, which Python's proxy of an iterator has.
Outcome Iterator::send(const Call&) { raise_no("send"); }
Outcome Iterator::throw_into(const Call&) { raise_no("throw"); }
Outcome Iterator::close(const Call&) { raise_no("close"); }

void Iterator::raise_no(std::string_view method) const {
  throw AttributeError("'" + name_ + "' object has no attribute '" + std::string{method} + "'");
}

}  // namespace multiprocessing::detail
