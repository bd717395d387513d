// The module `connection`: pipes, listeners and clients, and waiting for many things at once.
#pragma once

#include "multiprocessing/connection/address.hpp"
#include "multiprocessing/connection/connection.hpp"
#include "multiprocessing/connection/listener.hpp"
#include "multiprocessing/connection/pipe.hpp"
#include "multiprocessing/connection/send_handle.hpp"
#include "multiprocessing/connection/submodule.hpp"
#include "multiprocessing/connection/wait.hpp"
