#include "drivers/drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr absl::string_view kGood = "title = \"A printer\"\nversion = \"1\"\n[report]\nstart = \"A\"\n";

class Folder {
 public:
  Folder() {
    std::string name = absl::StrCat(::testing::TempDir(), "/drivers_test_XXXXXX");
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string Write(const std::string& name, absl::string_view text) const {
    const std::string file = absl::StrCat(path, "/", name);
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::string path;
};

TEST(Drivers, AreThoseOfTheCatalogAndTheFormatsOfAFolder) {
  const Folder folder;
  folder.Write("aa_printer.format.toml", kGood);
  folder.Write("zz_printer.format.toml", kGood);
  folder.Write("notes.txt", "not a format");
  Drivers drivers;
  ASSERT_TRUE(drivers.LoadFolder(folder.path).ok());
  EXPECT_EQ(drivers.all().size(), Catalog().size() + 2);
  EXPECT_TRUE(std::is_sorted(drivers.all().begin(), drivers.all().end(),
                             [](const Driver* a, const Driver* b) { return a->name < b->name; }));
  ASSERT_NE(drivers.Find("aa_printer"), nullptr);
  EXPECT_EQ(drivers.Find("aa_printer")->title, "A printer");
  for (const Driver* driver : Catalog()) EXPECT_EQ(drivers.Find(driver->name), driver);
  EXPECT_EQ(drivers.Find("notes"), nullptr);
  EXPECT_TRUE(drivers.broken().empty());
}

TEST(Drivers, AFormatWithAMistakeSpoilsNoOther) {
  const Folder folder;
  folder.Write("bad.format.toml", absl::StrCat(kGood, "ends = \"B\"\n"));
  folder.Write("good.format.toml", kGood);
  const std::string taken = absl::StrCat(Catalog().front()->name, ".format.toml");
  folder.Write(taken, kGood);
  Drivers drivers;
  ASSERT_TRUE(drivers.LoadFolder(folder.path).ok());
  EXPECT_NE(drivers.Find("good"), nullptr);
  EXPECT_EQ(drivers.Find("bad"), nullptr);
  EXPECT_EQ(drivers.Find(Catalog().front()->name), Catalog().front());
  EXPECT_EQ(drivers.broken().size(), 2u);
  EXPECT_THAT(drivers.broken().at("bad"), HasSubstr("bad.format.toml:5: [report]: unknown key \"ends\""));
  EXPECT_THAT(drivers.broken().at(std::string(Catalog().front()->name)), HasSubstr("already"));
}

TEST(Drivers, AFolderThatIsNotThereIsNotFound) {
  Drivers drivers;
  EXPECT_TRUE(absl::IsNotFound(drivers.LoadFolder("/nowhere/at/all")));
  EXPECT_TRUE(absl::IsNotFound(drivers.LoadFile("/nowhere/x.format.toml").status()));
  EXPECT_EQ(drivers.all().size(), Catalog().size());
}

}  // namespace
}  // namespace dims
