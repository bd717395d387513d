// Serializer: the door for a way of your own to turn a type into bytes.
#pragma once

namespace multiprocessing {

/// Says how a `T` becomes bytes, before any other way is considered. Specialise it for types that
/// are not yours to give a `serialize`, that have no default constructor, or that can do better:
///
///     template <>
///     struct multiprocessing::Serializer<Colour> {
///       static void save(OutArchive& out, const Colour& colour) { out & colour.name(); }
///       static Colour load(InArchive& in) { return Colour::by_name(in.read<std::string>()); }
///     };
///
/// What `save` writes need not tell its own length; `load` reads just as much. An exception thrown
/// by `save` comes out of the `put`, `send` or `start` that was to send the value.
template <class T>
struct Serializer;

}  // namespace multiprocessing
