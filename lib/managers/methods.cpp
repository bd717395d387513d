#include "managers/methods.hpp"

#include "multiprocessing/base/errors.hpp"

namespace multiprocessing::detail {
namespace {

std::string counted(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

[[noreturn]] void throw_expected(const std::string& name, const Signature& signature,
                                 std::size_t given) {
  std::string_view bound;
  std::size_t expected = signature.least;
  if (signature.least != signature.most) {
    bound = given < signature.least ? "at least " : "at most ";
    expected = given < signature.least ? signature.least : signature.most;
  }
  throw TypeError(name + "expected " + std::string{bound} + counted(expected) + ", got " +
                  std::to_string(given));
}

[[noreturn]] void throw_count(std::string_view type, const Signature& signature,
                              std::size_t given) {
  const std::string name{signature.name};
  const std::string full = std::string{type} + '.' + name + "() takes ";
  const std::string found = " (" + std::to_string(given) + " given)";
  switch (signature.form) {
    case Form::none:
      throw TypeError(full + "no arguments" + found);
    case Form::one:
      throw TypeError(full + "exactly one argument" + found);
    case Form::range:
      throw_expected(name + ' ', signature, given);
    default:
      throw_expected(signature.form == Form::spaced_wrapper ? " " : "", signature, given);
  }
}

[[noreturn]] void throw_keywords(std::string_view type, const Signature& signature) {
  std::string name{signature.name};
  if (signature.form == Form::wrapper || signature.form == Form::spaced_wrapper)
    name = "wrapper " + name;
  else if (signature.form != Form::any)
    name = std::string{type} + '.' + name;
  throw TypeError(name + "() takes no keyword arguments");
}

}  // namespace

void check_arguments(std::string_view type, const Signature& signature, const Call& call) {
  if (signature.form == Form::own) return;
  if (call.kwds.size() != 0) throw_keywords(type, signature);
  if (signature.form == Form::any) return;
  const std::size_t given = call.args.size();
  if (given < signature.least || given > signature.most) throw_count(type, signature, given);
}

void check_constructor(std::string_view type, const std::vector<Object>& args, const Object& kwds) {
  if (kwds.size() != 0) throw TypeError(std::string{type} + "() takes no keyword arguments");
  if (args.size() > 1)
    throw_expected(std::string{type} + ' ', {type, Form::range, 0, 1}, args.size());
}

}  // namespace multiprocessing::detail
