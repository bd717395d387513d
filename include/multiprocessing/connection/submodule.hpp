// The names of Python's submodule `multiprocessing.connection`, for programs that know them by it.
#pragma once

#include "multiprocessing/connection/address.hpp"
#include "multiprocessing/connection/connection.hpp"
#include "multiprocessing/connection/listener.hpp"
#include "multiprocessing/connection/pipe.hpp"
#include "multiprocessing/connection/wait.hpp"

/// `mp::connection::Listener` is `mp::Listener`.
namespace multiprocessing::connection {

using multiprocessing::address_type;
using multiprocessing::answer_challenge;
using multiprocessing::arbitrary_address;
using multiprocessing::Client;
using multiprocessing::Connection;
using multiprocessing::deliver_challenge;
using multiprocessing::families;
using multiprocessing::Listener;
using multiprocessing::Pipe;
using multiprocessing::wait;

inline constexpr const char* default_family = "AF_UNIX";

}  // namespace multiprocessing::connection
