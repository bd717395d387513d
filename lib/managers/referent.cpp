#include "managers/referent.hpp"

#include <stdexcept>

#include "pickle/names.hpp"
#include "pickle/node.hpp"

namespace multiprocessing::detail {
namespace {

Object exception_of(std::string_view builtin, std::vector<Object> args) {
  const KnownName* name = find_name("builtins", builtin);
  if (name == nullptr || name->form != NameForm::exception)
    throw std::logic_error("multiprocessing: " + std::string{builtin} + " is no exception");
  return ObjectAccess::make_instance(*name, Object::tuple(std::move(args)));
}

}  // namespace

PythonError::PythonError(std::string_view builtin, std::vector<Object> args)
    : PythonError(exception_of(builtin, std::move(args))) {}

PythonError::PythonError(Object error)
    : std::runtime_error(multiprocessing::str(error)), error_(std::move(error)) {}

Referent::~Referent() = default;
Referents::~Referents() = default;

}  // namespace multiprocessing::detail
