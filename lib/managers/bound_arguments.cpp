#include "managers/bound_arguments.hpp"

#include <algorithm>
#include <string>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/pickle/mapping.hpp"

namespace multiprocessing::detail {
namespace {

std::string plural(std::size_t count, const std::string& word) {
  return std::to_string(count) + ' ' + word + (count == 1 ? "" : "s");
}

/// "'a'", "'a' and 'b'", "'a', 'b', and 'c'".
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0 && names.size() > 2) text += ',';
    if (i > 0) text += ' ';
    if (i > 0 && i + 1 == names.size()) text += "and ";
    text += '\'' + names[i] + '\'';
  }
  return text;
}

[[noreturn]] void throw_too_many(const PythonFunction& function, std::size_t given) {
  const std::size_t self = function.method ? 1 : 0;
  const std::size_t most = function.parameters.size() + self;
  const std::size_t least = function.required + self;
  given += self;
  std::string takes = plural(most, "positional argument");
  if (least != most) takes = "from " + std::to_string(least) + " to " + takes;
  throw TypeError(std::string{function.name} + "() takes " + takes + " but " +
                  std::to_string(given) + (given == 1 ? " was given" : " were given"));
}

}  // namespace

std::vector<Object> bound_arguments(const PythonFunction& function, const std::vector<Object>& args,
                                    const Object& kwds) {
  const auto& names = function.parameters;
  const std::string called = std::string{function.name} + "()";
  std::vector<std::optional<Object>> found(names.size());
  std::copy_n(args.begin(), std::min(args.size(), names.size()), found.begin());
  for (const auto& [key, value] : kwds.items()) {
    const std::string* name = ObjectParts::text(key);
    const auto at = name == nullptr ? names.end() : std::find(names.begin(), names.end(), *name);
    if (at == names.end())
      throw TypeError(called + " got an unexpected keyword argument " + repr(key));
    auto& place = found[static_cast<std::size_t>(at - names.begin())];
    if (place) throw TypeError(called + " got multiple values for argument " + repr(key));
    place = value;
  }
  if (args.size() > names.size()) throw_too_many(function, args.size());
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < function.required; ++i)
    if (!found[i]) missing.emplace_back(names[i]);
  if (!missing.empty())
    throw TypeError(called + " missing " + plural(missing.size(), "required positional argument") +
                    ": " + listed(missing));
  std::vector<Object> bound;
  for (auto& value : found) bound.push_back(value.value_or(None));
  return bound;
}

}  // namespace multiprocessing::detail
