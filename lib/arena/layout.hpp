// What lies where in the arena. Everything here is shared by processes that map it at different
// addresses, so it holds offsets and never pointers. All zero is the valid first state of each
// word.
//
// Terms of this module, with the field's name where it differs:
//   member    a process of the family: slot and generation, so that no name is used twice
//   birth     registration of a child before it exists; unborn = pending
//   ledger    a process's reference table; intent = its redo record of the operation under way
//   settling  recovery: what a dead member held is released, once, by a member that notices
//   claim     a block in the name of a process, on the way to an object, a part or the free state
//   heap      a slab allocator: chunks of one size class, with an owner word for each block
// Next: member.hpp, family.hpp; heap.hpp; ledger.hpp, settle.hpp; owner_lock.hpp, event_count.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "arena/link.hpp"
#include "arena/member.hpp"

namespace multiprocessing::detail {

inline constexpr std::uint64_t arena_magic = 0x32'61'6e'65'72'61'70'6dULL;  // "mparena2"
inline constexpr std::size_t chunk_bytes = 64 * 1024;
inline constexpr std::size_t smallest_block = 64;
inline constexpr std::size_t words_per_chunk = chunk_bytes / smallest_block;
inline constexpr std::size_t window_chunks = 1024;
inline constexpr std::size_t window_bytes = window_chunks * chunk_bytes;  // 64 MiB
inline constexpr std::size_t most_windows = 16 * 1024;                    // 1 TiB

/// First page. Written once by the process that makes the arena, but for the atomic marks.
struct Header {
  std::uint64_t magic;
  std::uint64_t arena;  // its id, random
  std::uint64_t size;   // of the file
  std::uint64_t chunks;
  std::atomic<std::uint64_t> birth_cursor;   // slots are given out first in, first out
  std::atomic<std::uint64_t> high_water;     // chunks ever used; those above are untouched
  std::atomic<std::uint64_t> lowest_free;    // a LowestFree, a hint
  std::atomic<std::uint32_t> room_made[32];  // per size class: times that a full chunk got room
  std::uint64_t warm_bytes;                  // free large blocks keep that much memory at most
  alignas(64) std::atomic<std::uint64_t> borders;  // a Borders; read whenever a block is reached
};

/// Chunks are used from below, in windows that each process maps in a row. Objects of a window or
/// more take whole windows from above, and each is mapped by itself. Both only ever come closer.
struct Borders {
  std::uint64_t low = 0;   // windows from here on hold no chunk in use, nor did they ever
  std::uint64_t high = 0;  // windows below hold no large object, nor did they ever

  [[nodiscard]] constexpr std::uint64_t packed() const { return high << 32 | low; }
  [[nodiscard]] static constexpr Borders from(std::uint64_t word) {
    return {word & 0xffffffff, word >> 32};
  }
};

/// Also in the first page: a place for the module above, see family_place().
inline constexpr std::size_t place_at = 1024;
static_assert(sizeof(Header) <= place_at);

/// Also there: hints at large blocks that are free and keep their memory, see warm_blocks.hpp.
inline constexpr std::size_t warm_at = 2048;
inline constexpr std::size_t warm_hints = 64;
static_assert(warm_at + warm_hints * sizeof(std::uint64_t) <= 4096);

/// Free chunks lie from `chunk` on. Every chunk that is freed changes `frees`, so that a taker that
/// looked before does not raise the mark above it.
struct LowestFree {
  std::uint64_t chunk = 0;
  std::uint64_t frees = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const { return frees << 24 | chunk; }
  [[nodiscard]] static constexpr LowestFree from(std::uint64_t word) {
    return {word & 0xffffff, word >> 24};
  }
};

// ---- a process's state word: its state, the member that works on it, how often its slot was given
// out.

enum class SlotState : std::uint8_t {
  vacant = 0,
  unborn,    // `by` prepares it; the child's own CAS to live is its birth
  live,      // holds the record lock on its byte
  dead,      // noticed, and not settled yet
  settling,  // `by` gives back what it held
};

struct StateWord {
  SlotState state = SlotState::vacant;
  std::uint32_t by = 0;
  std::uint32_t generation = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const {
    return std::uint64_t{generation} << 32 | std::uint64_t{by} << 8 |
           static_cast<std::uint64_t>(state);
  }
  [[nodiscard]] static constexpr StateWord from(std::uint64_t word) {
    return {static_cast<SlotState>(word & 0xff), static_cast<std::uint32_t>(word >> 8 & 0xffff),
            static_cast<std::uint32_t>(word >> 32)};
  }
};

// ---- what a process is about to do (redo record); the settler of its death completes or forgets
// it.

enum class Operation : std::uint32_t {
  none = 0,
  add,     // one more hold on an object, by `link`
  drop,    // one hold less
  create,  // a claimed block becomes an object, held by `link`
  give,    // a claimed block becomes a part, owned by `link`
  free,    // an object or part becomes a claimed block again, and `link` empty
};

/// The commit is the store of `what`; the fields below are written before it.
struct Intent {
  std::atomic<std::uint64_t> what;  // sequence << 32 | operation; 0: nothing is under way
  std::atomic<std::uint64_t> block;
  std::atomic<std::uint64_t> link;
  std::atomic<std::uint64_t> owner;  // the owner word it makes, or unmakes: never the same twice
};

inline constexpr std::size_t inline_links = 32;

/// What one process holds. Written by the process; before its birth by its parent, after its death
/// by its settler.
struct Slot {
  std::atomic<std::uint64_t> pid;           // generation << 32 | id, 0: not known yet
  std::atomic<std::uint64_t> exit_code;     // generation << 32 | code: valid for that generation
  std::atomic<std::uint32_t> claims;        // blocks and chunks it may have claimed; never too low
  std::atomic<std::uint32_t> sequence;      // number of its last operation; never reset
  std::atomic<std::uint32_t> done;          // number of the last one known to have taken effect
  std::atomic<std::uint32_t> servant;       // the generation that is one; see become_servant()
  std::atomic<std::uint64_t> ledger_pages;  // newest LedgerPage, 0: none
  std::atomic<std::uint32_t> links_used;    // how many of its links were ever given out
  alignas(64) Intent intent;
  alignas(64) Link links[inline_links];
};

/// More links of a process. The block is claimed in the name of that process.
struct LedgerPage {
  std::atomic<std::uint64_t> next;
  Link links[504];
};

// ---- blocks: an owner word each, beside them, in a table that never changes its meaning.

enum class OwnerKind : std::uint64_t {
  free = 0,
  claimed,  // by a process, which is about to hand it on or has just taken it back
  object,   // counted: its header says how many hold it
  part,     // owned by one link
  member,   // memory of a container: belongs to the object at the offset in the word
};

struct OwnerWord {
  static constexpr std::uint64_t kind_mask = 7;
  static constexpr std::uint64_t with_links = 8;  // of a claimed block: its links hold something

  [[nodiscard]] static constexpr OwnerKind kind(std::uint64_t word) {
    return static_cast<OwnerKind>(word & kind_mask);
  }
  [[nodiscard]] static constexpr std::uint64_t claimed_by(Member member) {
    return static_cast<std::uint64_t>(OwnerKind::claimed) | member.packed() << 4;
  }
  [[nodiscard]] static constexpr Member claimer(std::uint64_t word) {
    return Member::from(word >> 4);
  }
  /// Unique: no other operation of any process makes the same word.
  [[nodiscard]] static constexpr std::uint64_t made_by(OwnerKind kind, std::uint32_t slot,
                                                       std::uint32_t sequence) {
    return static_cast<std::uint64_t>(kind) | std::uint64_t{slot} << 4 |
           std::uint64_t{sequence} << 20;
  }
  [[nodiscard]] static constexpr std::uint64_t member_of(std::uint64_t object) {
    return static_cast<std::uint64_t>(OwnerKind::member) | object << 3;
  }
};

/// In front of every object and part.
struct BlockHeader {
  std::atomic<std::uint64_t> count;  // sequence, writer's slot, count: 28 + 12 + 24 bits
  std::uint32_t links;
  std::atomic<std::uint32_t> members;  // blocks that belong to this object; never too low
};

struct CountWord {
  static constexpr std::uint32_t sequence_mask = (1U << 28) - 1;

  [[nodiscard]] static constexpr std::uint64_t pack(std::uint32_t sequence, std::uint32_t writer,
                                                    std::uint32_t count) {
    return std::uint64_t{sequence & sequence_mask} << 36 | std::uint64_t{writer} << 24 | count;
  }
  [[nodiscard]] static constexpr std::uint32_t count(std::uint64_t word) {
    return static_cast<std::uint32_t>(word & 0xffffff);
  }
  [[nodiscard]] static constexpr std::uint32_t writer(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 24 & (slot_count - 1));
  }
  [[nodiscard]] static constexpr std::uint32_t sequence(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 36);
  }
};

/// A link's low bits say how it refers to a block; the rest is the block's offset.
enum class LinkKind : std::uint64_t { empty = 0, holds, owns, dying };

struct LinkWord {
  static constexpr std::uint64_t kind_mask = 7;  // offsets of blocks are multiples of 64

  [[nodiscard]] static constexpr LinkKind kind(std::uint64_t word) {
    return static_cast<LinkKind>(word & kind_mask);
  }
  [[nodiscard]] static constexpr std::uint64_t block(std::uint64_t word) {
    return word & ~kind_mask;
  }
  [[nodiscard]] static constexpr std::uint64_t make(LinkKind kind, std::uint64_t block) {
    return block | static_cast<std::uint64_t>(kind);
  }
};

// ---- chunks: 64 KiB each, cut into blocks of one size, or part of a run for one large block.

enum class ChunkKind : std::uint8_t {
  free = 0,
  taken,     // by a process, on the way to something else
  small,     // blocks of one size class
  draining,  // `by` looks whether a small chunk is empty
  large,     // first chunk of a large block; its owner word is the chunk's word 0, and is
             // empty where the block is free and keeps its memory
  tail,      // a further chunk of it
};

struct ChunkWord {
  ChunkKind kind = ChunkKind::free;
  std::uint32_t value = 0;  // size class of small and draining, number of chunks of large
  Member by = {};           // taken, draining
  std::uint32_t pages = 0;  // of large: how many from its first one have memory set aside

  // The value has 24 bits, enough for 2^24 chunks, the member or the pages the upper 32.
  [[nodiscard]] constexpr std::uint64_t packed() const {
    const std::uint64_t upper = kind == ChunkKind::large ? pages : by.packed();
    return static_cast<std::uint64_t>(kind) | std::uint64_t{value} << 8 | upper << 32;
  }
  [[nodiscard]] static constexpr ChunkWord from(std::uint64_t word) {
    ChunkWord chunk{static_cast<ChunkKind>(word & 0xff),
                    static_cast<std::uint32_t>(word >> 8 & 0xffffff)};
    if (chunk.kind == ChunkKind::large)
      chunk.pages = static_cast<std::uint32_t>(word >> 32);
    else
      chunk.by = Member::from(word >> 32);
    return chunk;
  }
  [[nodiscard]] constexpr bool is_by(Member member) const {
    return static_cast<std::uint32_t>(by.packed()) == static_cast<std::uint32_t>(member.packed());
  }
};

}  // namespace multiprocessing::detail
