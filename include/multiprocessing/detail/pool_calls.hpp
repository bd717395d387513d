// What a Pool does with ranges.
#pragma once

#include <cstddef>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/detail/call.hpp"
#include "multiprocessing/detail/iteration.hpp"
#include "multiprocessing/detail/mapping.hpp"
#include "multiprocessing/detail/shared_result.hpp"

namespace multiprocessing::detail {

template <class F, class R>
list_of<mapped<F, R>> map_now(PoolCore& pool, F&& f, R&& items, const MapOptions& options) {
  using Map = Mapping<F, std::remove_reference_t<R>>;
  // Not by functions of their own: each is three more lines of what clang says.
  check_call<F, typename Map::Element>();
  if constexpr (!std::is_void_v<typename Map::Result>) check_sendable<typename Map::Result>();
  if constexpr (!is_sendable_call<F, typename Map::Element>) {
    return list_of<typename Map::Result>();
  } else if constexpr (!std::ranges::sized_range<R> && !std::ranges::forward_range<R>) {
    std::vector<std::ranges::range_value_t<R>> list;
    for (auto&& item : items) list.emplace_back(std::forward<decltype(item)>(item));
    return map_now(pool, std::forward<F>(f), list, options);
  } else {
    const auto size = static_cast<std::size_t>(std::ranges::distance(items));
    if (!options.timeout.is_forever() || !options.task_timeout.is_forever()) {
      ChunkCalls calls(pool, Map::chunk_runner, size, options);
      Map::write_chunks(calls, f, items, size);
      SubmittedChunks chunks;
      calls.submit(chunks);
      chunks.wait_or_withdraw();
      return Map::results(chunks);
    }
    MapJob job(pool, Map::shape(size), options, Map::runner);
    write_callable(job.writer(), f);
    Map::prepare(job, items, size);
    job.run();
    return Map::results(job, size);
  }
}

template <class F, class R>
std::shared_ptr<SharedResult<list_of<mapped<F, R>>>> map_later(
    PoolCore& pool, F&& f, R&& items, const MapOptions& options,
    Callbacks<list_of<mapped<F, R>>> callbacks) {
  using Map = Mapping<F, std::remove_reference_t<R>>;
  using Result = typename Map::Result;
  using Chunks = ResultOfChunks<Result>;
  check_call<F, typename Map::Element>();
  if constexpr (!std::is_void_v<Result>) check_sendable<Result>();
  if constexpr (!is_sendable_call<F, typename Map::Element>) {
    return nullptr;
  } else if constexpr (!std::ranges::sized_range<R> && !std::ranges::forward_range<R>) {
    std::vector<std::ranges::range_value_t<R>> list;
    for (auto&& item : items) list.emplace_back(std::forward<decltype(item)>(item));
    return map_later(pool, std::forward<F>(f), list, options, std::move(callbacks));
  } else {
    const auto size = static_cast<std::size_t>(std::ranges::distance(items));
    ChunkCalls calls(pool, Map::chunk_runner, size, options);
    Map::write_chunks(calls, f, items, size);
    if (!callbacks.callback && !callbacks.error_callback) {
      const auto result = std::make_shared<Chunks>();
      calls.submit(result->chunks);
      return result;
    }
    const auto result =
        std::make_shared<WithCallbacks<Chunks, list_of<Result>>>(pool, std::move(callbacks));
    calls.submit(result->chunks, result);
    return result;
  }
}

template <class F, class R>
std::unique_ptr<ResultSource<value_of<std::decay_t<mapped<F, R>>>>> iterate(
    PoolCore& pool, F&& f, R&& items, const MapOptions& options, Order order) {
  using Map = Mapping<F, std::remove_reference_t<R>>;
  using Result = typename Map::Result;
  check_call<F, typename Map::Element>();
  if constexpr (!std::is_void_v<Result>) check_sendable<Result>();
  if constexpr (!is_sendable_call<F, typename Map::Element>)
    return nullptr;
  else
    return std::make_unique<IterationOver<std::decay_t<F>, R>>(
        pool, std::forward<F>(f), std::forward<R>(items), options, order);
}

}  // namespace multiprocessing::detail
