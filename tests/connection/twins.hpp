// A message of the same name in unnamed namespaces of two source files, with other members.
#pragma once

#include "multiprocessing/connection.hpp"

namespace connection_test {

void send_twin(const multiprocessing::Connection& to);        // of twins_test.cpp
void send_other_twin(const multiprocessing::Connection& to);  // of other_twin.cpp

}  // namespace connection_test
