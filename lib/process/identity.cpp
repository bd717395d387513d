#include "process/identity.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/never_destroyed.hpp"
#include "base/process_name.hpp"
#include "multiprocessing/base/urandom.hpp"
#include "process/fork_gate.hpp"

namespace multiprocessing::detail {
namespace {

struct State {
  std::string name = "MainProcess";
  Bytes authkey;
  bool daemon = false;
  Lineage lineage;
  unsigned children_named = 0;
  std::shared_ptr<ProcessRecord> parent;
};

// Guarded by the gate.
State& state() {
  static NeverDestroyed<State> state;
  return state.get();
}

}  // namespace

Bytes random_key() { return urandom(key_size); }

bool same_key(std::span<const char> a, std::span<const char> b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::string current_name() {
  std::scoped_lock guard{fork_gate()};
  return state().name;
}

void rename_current(std::string name) {
  set_process_name(name);
  std::scoped_lock guard{fork_gate()};
  state().name = std::move(name);
}

Bytes current_authkey() {
  std::scoped_lock guard{fork_gate()};
  if (state().authkey.empty()) state().authkey = random_key();
  return state().authkey;
}

void set_current_authkey(Bytes key) {
  std::scoped_lock guard{fork_gate()};
  state().authkey = std::move(key);
}

bool current_is_daemon() {
  std::scoped_lock guard{fork_gate()};
  return state().daemon;
}

std::shared_ptr<ProcessRecord> current_parent() {
  std::scoped_lock guard{fork_gate()};
  return state().parent;
}

Lineage next_lineage() {
  std::scoped_lock guard{fork_gate()};
  Lineage lineage = state().lineage;
  lineage.push_back(++state().children_named);
  return lineage;
}

void become(Identity identity) {
  set_process_name(identity.name);
  std::scoped_lock guard{fork_gate()};
  state() = {std::move(identity.name),
             std::move(identity.authkey),
             identity.daemon,
             std::move(identity.lineage),
             0,
             std::move(identity.parent)};
}

}  // namespace multiprocessing::detail
