// A folder for one test, gone after it.
#ifndef DIMS_TESTS_SIMULATOR_SCRATCH_H_
#define DIMS_TESTS_SIMULATOR_SCRATCH_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace dims {

class ScratchTest : public testing::Test {
 protected:
  ScratchTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ScratchTest() override { std::filesystem::remove_all(folder_); }

  std::string ScratchFile(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("dims-sim-test-" + std::to_string(getpid()));
};

}  // namespace dims

#endif  // DIMS_TESTS_SIMULATOR_SCRATCH_H_
