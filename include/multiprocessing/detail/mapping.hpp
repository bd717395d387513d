// Mapping: what maps and iterations need to know of a function and a range.
#pragma once

#include <cstddef>
#include <new>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "multiprocessing/base/errors.hpp"
#include "multiprocessing/detail/chunk_tasks.hpp"
#include "multiprocessing/detail/map_job.hpp"
#include "multiprocessing/pool/mapped.hpp"
#include "multiprocessing/reduction/results.hpp"

namespace multiprocessing::detail {

/// What `map` needs to know of F and R, and the steps that depend on it.
template <class F, class R>
struct Mapping {
  using Value = std::ranges::range_value_t<R>;
  using Element = element_of<R>;
  using Result = std::decay_t<mapped<F, R>>;
  static constexpr Storage input = storage_of<Element>();
  static constexpr Storage result = storage_of<Result>();
  static constexpr MapRunner runner = &run_map<std::decay_t<F>, Element, Result>;

  static MapShape shape(std::size_t items) {
    return {items, input, stored_size<Element>(), result, stored_size<Result>()};
  }

  /// Lays the elements out, and takes the memory for it. The range is trusted for what it says of
  /// its size as far as that does no harm.
  static void prepare(MapJob& job, R& items, std::size_t size) {
    if constexpr (input == Storage::in_place) job.prepare();
    [[maybe_unused]] void* place = job.input();
    std::size_t index = 0;
    for (auto&& item : items) {
      if (index == size) break;
      if constexpr (input == Storage::in_place) {
        ::new (static_cast<void*>(static_cast<Element*>(place) + index))
            Element(std::forward<decltype(item)>(item));
      } else {
        if (index % job.chunk_size() == 0) job.begin_chunk();
        write_element(job.writer(), item);
      }
      ++index;
    }
    if (index < size) throw ValueError("map: the range has fewer elements than it said");
    if constexpr (input == Storage::as_bytes) job.prepare();
  }

  static constexpr TaskRunner chunk_runner = &run_chunk_task<std::decay_t<F>, Element, Result>;

  /// The same for chunks that are tasks.
  static void write_chunks(ChunkCalls& calls, const std::decay_t<F>& function, R& items,
                           std::size_t size) {
    Writer* writer = nullptr;
    std::size_t index = 0;
    for (auto&& item : items) {
      if (index == size) break;
      if (index % calls.chunk_size() == 0) {
        if (writer != nullptr) writer->raw(false);
        writer = &calls.begin_chunk();
        write_callable(*writer, function);
      }
      writer->raw(true);
      write_element(*writer, item);
      ++index;
    }
    if (index < size) throw ValueError("map: the range has fewer elements than it said");
    if (writer != nullptr) writer->raw(false);
  }

  static list_of<Result> results(MapJob& job, [[maybe_unused]] std::size_t size) {
    if constexpr (result == Storage::in_place) {
      const auto* first = static_cast<const Result*>(job.results());
      return std::vector<Result>(first, first + size);
    } else if constexpr (result == Storage::as_bytes) {
      std::vector<Result> results;
      results.reserve(size);
      job.read_results(&read_some, &results);
      return results;
    }
  }

  static list_of<Result> results(SubmittedChunks& chunks) {
    if constexpr (std::is_void_v<Result>) {
      chunks.read_results([](void*, Reader&, std::size_t) {}, nullptr);
    } else {
      std::vector<Result> results;
      chunks.read_results(&read_some, &results);
      return results;
    }
  }

  template <class Item>
  static void write_element(Writer& writer, const Item& item) {
    if constexpr (std::is_same_v<Item, Value>) {
      write(writer, item);
    } else {
      write(writer, Value(item));  // a reference that is an object of its own
    }
  }

 private:
  static void read_some(void* state, Reader& reader, std::size_t count) {
    auto& list = *static_cast<std::vector<Result>*>(state);
    for (std::size_t i = 0; i < count; ++i) list.push_back(read<Result>(reader));
  }
};

}  // namespace multiprocessing::detail
