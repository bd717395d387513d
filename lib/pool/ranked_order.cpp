#include "pool/ranked_order.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <exception>
#include <string>

#include "base/os_error.hpp"

namespace multiprocessing::detail {
namespace {

struct Place {
  std::uint32_t block;
  std::uint32_t at;
};

Place place_of(std::uint32_t number) {
  const std::uint32_t index = number - 1;
  const auto block = static_cast<std::uint32_t>(std::bit_width(index / first_ranked_block));
  return {block, block == 0 ? index : index - (first_ranked_block << (block - 1))};
}

}  // namespace

bool are_free(const TokenNeeds& free, const TokenNeeds& needs) {
  return std::equal(needs.begin(), needs.end(), free.begin(),
                    [](std::uint32_t need, std::uint32_t have) { return need <= have; });
}

RankedEntry& RankedEntries::at(std::uint32_t number) {
  const Place place = place_of(number);
  Handle& block = blocks_[place.block];
  if (!block) block = handle_from(links_[place.block]);
  return *reinterpret_cast<RankedEntry*>(block.as<std::byte>() + place.at * size());
}

void RankedEntries::make_room_for(std::uint32_t number) {
  const std::uint32_t block = place_of(number).block;
  if (block == ranked_blocks)
    throw_os_error(ENOMEM, "the order of a pool's tasks", std::to_string(number) + " tasks");
  if (blocks_[block]) return;
  const std::size_t count = first_ranked_block << (block == 0 ? 0 : block - 1);
  Handle made = Handle::make(count * size(), 1);
  hold(links_[block], made);
  blocks_[block] = std::move(made);
}

void RankedWriter::push(TaskName name, const Turn& turn, const TokenNeeds& needs) {
  sweep();
  if (const auto before = places_.find(turn); before != places_.end()) take_out(before);
  const std::uint32_t number = unused();
  const auto place = places_.emplace(turn, number).first;
  free_.pop_back();
  RankedEntry& entry = entries_.at(number);
  std::atomic<std::uint32_t>& link = link_to(place);
  entry.name.store(name.bits());
  entry.priority.store(turn.priority);
  entry.serial.store(turn.serial);
  entry.kinds_needed.store(static_cast<std::uint32_t>(needs.size()));
  for (std::size_t kind = 0; kind < needs.size(); ++kind) entry.needs()[kind].store(needs[kind]);
  entry.next.store(link.load());
  link.store(number);  // the commit
  order_.pushes.fetch_add(1);
  order_.calls.fetch_add(1);
}

/// It is the last of those that are free, until it is taken from them.
std::uint32_t RankedWriter::unused() {
  if (free_.empty() && 2 * taken_out_.size() >= made_) use_again();
  if (free_.empty()) {
    try {
      make_another();
    } catch (const std::exception&) {
      if (taken_out_.empty()) throw;
      use_again();
    }
  }
  return free_.back();
}

void RankedWriter::make_another() {
  entries_.make_room_for(made_ + 1);
  free_.reserve(made_ + 1);  // for all, so that none is lost for want of memory
  taken_out_.reserve(made_ + 1);
  free_.push_back(++made_);
}

void RankedWriter::use_again() {
  order_.revision.fetch_add(1);
  free_.swap(taken_out_);
}

bool RankedWriter::any_queued() {
  for (auto place = places_.begin(); place != places_.end();) {
    if (!is_stale(place->second)) return true;
    take_out(place++);
  }
  return false;
}

bool RankedWriter::more_may_run(TokenNeeds free, std::size_t& beside) {
  for (const auto& [turn, number] : places_) {
    if (is_stale(number)) continue;
    RankedEntry& entry = entries_.at(number);
    TokenNeeds needs(entry.kinds_needed.load());
    for (std::size_t kind = 0; kind < needs.size(); ++kind) needs[kind] = entry.needs()[kind];
    if (!are_free(free, needs)) continue;
    if (beside == 0) return true;
    --beside;
    for (std::size_t kind = 0; kind < needs.size(); ++kind) free[kind] -= needs[kind];
  }
  return false;
}

bool RankedWriter::is_stale(std::uint32_t number) {
  return !is_queued_(TaskName{entries_.at(number).name.load()});
}

std::atomic<std::uint32_t>& RankedWriter::link_to(Places::iterator place) {
  return place == places_.begin() ? order_.first : entries_.at(std::prev(place)->second).next;
}

void RankedWriter::take_out(Places::iterator place) {
  const std::uint32_t number = place->second;
  link_to(place).store(entries_.at(number).next.load());
  taken_out_.push_back(number);  // there is room
  places_.erase(place);
}

/// A few at each push, so that those that have been taken are never more than those that have not.
void RankedWriter::sweep() {
  while (!places_.empty() && is_stale(places_.begin()->second)) take_out(places_.begin());
  for (int i = 0; i < 4 && !places_.empty(); ++i) {
    auto place = places_.upper_bound(swept_);
    if (place == places_.end()) place = places_.begin();
    swept_ = place->first;
    if (is_stale(place->second)) take_out(place);
  }
}

}  // namespace multiprocessing::detail
