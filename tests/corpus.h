// Real instrument files, where they are.
//
// What: paths of the corpus that the build was told of (DIMS_CORPUS), overridable by the environment variable of the
//   same name. Nothing of it is part of the project.
// Promise: a test without its files says so, loudly, and skips.
#ifndef DIMS_TESTS_CORPUS_H_
#define DIMS_TESTS_CORPUS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace dims {

inline std::string CorpusRoot() {
  const char* given = std::getenv("DIMS_CORPUS");
  return given != nullptr ? given : DIMS_CORPUS;
}

inline std::string FileBytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

// Files of one corpus folder whose name ends with `suffix`, sorted.
inline std::vector<std::filesystem::path> CorpusFiles(const std::string& folder, const std::string& suffix) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(CorpusRoot() + "/" + folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() >= suffix.size() && name.ends_with(suffix)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace dims

#define DIMS_SKIP_WITHOUT_CORPUS(files)                                                               \
  if ((files).empty()) {                                                                              \
    std::cerr << "\n*** SKIPPED: no real instrument files under " << ::dims::CorpusRoot()             \
              << "; set DIMS_CORPUS to the folder that holds them ***\n";                             \
    GTEST_SKIP() << "no real instrument files under " << ::dims::CorpusRoot() << "; set DIMS_CORPUS"; \
  }

#endif  // DIMS_TESTS_CORPUS_H_
