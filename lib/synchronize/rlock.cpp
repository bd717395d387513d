#include "multiprocessing/synchronize/rlock.hpp"

#include "synchronize/rlock_maker.hpp"

namespace multiprocessing {

const detail::ObjectMaker detail::rlock_maker{
    sizeof(LockCore), [](void* body) { static_cast<LockCore*>(body)->kind = LockKind::rlock; }};

RLock::RLock() : Acquirable(detail::rlock_maker) {}

void RLock::recover() const { recover_core(); }

std::string to_string(const RLock& lock) { return lock.text("RLock"); }

}  // namespace multiprocessing
