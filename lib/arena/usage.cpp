#include "multiprocessing/arena/usage.hpp"

#include "arena/birth.hpp"
#include "arena/chunks.hpp"
#include "arena/heap.hpp"
#include "arena/warm_blocks.hpp"
#include "arena/windows.hpp"

namespace multiprocessing {

ArenaUsage arena_usage() {
  ArenaUsage usage;
  const detail::Segment* arena = detail::segment_if_any();
  if (arena == nullptr) return usage;
  detail::for_each_large_object(*arena, [&](std::uint64_t, const detail::ChunkWord& word) {
    usage.chunks += word.value * detail::window_chunks;
  });
  const std::uint64_t end = detail::map_used_chunks(*arena);
  for (std::uint64_t chunk = 0; chunk < end; ++chunk) {
    const auto word = detail::ChunkWord::from(arena->chunk_words[chunk].load());
    const bool warm =
        word.kind == detail::ChunkKind::large && arena->owner_word(chunk, 0).load() == 0;
    usage.chunks += word.kind != detail::ChunkKind::free && !warm;
    if (warm && word.value > 1) chunk += word.value - 1;
  }
  usage.warm_bytes = detail::warm_bytes(*arena);
  detail::for_each_block(*arena, [&](std::uint64_t block, const detail::Link& owner) {
    ++usage.blocks;
    usage.objects += detail::OwnerWord::kind(owner.load()) == detail::OwnerKind::object;
    usage.bytes += detail::block_bytes(*arena, block);
  });
  for (std::uint32_t slot = 1; slot < detail::slot_count; ++slot)
    usage.processes +=
        detail::StateWord::from(arena->states[slot].load()).state != detail::SlotState::vacant;
  return usage;
}

void arena_sweep() {
  if (!detail::self_if_any()) return;
  detail::sweep();
  const detail::Segment& arena = detail::segment();
  detail::give_back_warm(arena, std::chrono::milliseconds{0});
  detail::give_back_lost(arena);
  detail::trim();
}

}  // namespace multiprocessing
