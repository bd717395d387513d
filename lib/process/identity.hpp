// Names of this process: what current_process() tells, and what its children are told of it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "multiprocessing/base/bytes.hpp"

namespace multiprocessing::detail {

struct ProcessRecord;

/// Which child of which child of the main process: {1, 2} is the second child of its first.
using Lineage = std::vector<unsigned>;

[[nodiscard]] std::string current_name();
void rename_current(std::string name);

inline constexpr std::size_t key_size = 32;

/// Bytes that cannot be guessed.
[[nodiscard]] Bytes random_key();

/// Whether they are the same; the time it takes tells nothing about where they differ.
[[nodiscard]] bool same_key(std::span<const char> a, std::span<const char> b);

/// A random key, drawn at first use, unless it was inherited.
[[nodiscard]] Bytes current_authkey();
void set_current_authkey(Bytes key);

[[nodiscard]] bool current_is_daemon();

/// Null in the main process.
[[nodiscard]] std::shared_ptr<ProcessRecord> current_parent();

/// The lineage of the next child that is named.
[[nodiscard]] Lineage next_lineage();

/// In a child, once: its identity.
struct Identity {
  std::string name;
  Bytes authkey;
  bool daemon;
  Lineage lineage;
  std::shared_ptr<ProcessRecord> parent;
};
void become(Identity identity);

}  // namespace multiprocessing::detail
