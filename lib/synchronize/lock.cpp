#include "multiprocessing/synchronize/lock.hpp"

#include "synchronize/lock_core.hpp"

namespace multiprocessing {
namespace {

constexpr detail::ObjectMaker lazy{
    sizeof(detail::LockCore),
    [](void* body) { static_cast<detail::LockCore*>(body)->kind = detail::LockKind::lock; }};

}  // namespace

Lock::Lock() : Acquirable(lazy) {}

void Lock::recover() const { recover_core(); }

std::string to_string(const Lock& lock) { return lock.text("Lock"); }

}  // namespace multiprocessing
