#include "drivers/drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"

namespace dims {
namespace {

using ::testing::HasSubstr;

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

// What the program prints, and its exit code at the end.
std::string OutputOf(const std::string& arguments) {
  FILE* pipe =
      popen((DIMS_BINARY_DIR "/firmware-bridge/dims-bridge " + arguments + " 2>&1; echo exit $?").c_str(), "re");
  std::string said;
  char piece[512];
  while (fgets(piece, sizeof(piece), pipe) != nullptr) said += piece;
  pclose(pipe);
  return said;
}

TEST(Program, ReadsACaptureByAFormatAndNamesItsMistakes) {
  const Folder folder;
  const std::string format = folder.Write(
      "acme.format.toml", "title = \"Acme\"\nversion = \"1\"\n[report]\nstart = \"RUN {run_number}\"\nend = \"END\"\n");
  const std::string bad = folder.Write("bad.format.toml", absl::StrCat(kGood, "end = \"{run_nmber} x\"\n"));
  const std::string capture = folder.Write("capture.txt", "RUN 0042\r\nEND\r\n");
  EXPECT_THAT(OutputOf(absl::StrCat("decode ", format, " ", capture)),
              testing::AllOf(HasSubstr("\"runNumber\":\"0042\""), HasSubstr("exit 0")));
  EXPECT_THAT(OutputOf(absl::StrCat("decode --formats ", folder.path, " acme ", capture)),
              HasSubstr("\"driver\":\"acme\""));
  EXPECT_THAT(OutputOf(absl::StrCat("--formats ", folder.path, " decode acme ", capture)), HasSubstr("exit 0"));
  EXPECT_THAT(OutputOf(absl::StrCat("drivers ", bad)),
              testing::AllOf(HasSubstr("bad.format.toml:5: [report] end: unknown field \"run_nmber\", did you mean "
                                       "\"run_number\"?"),
                             HasSubstr("exit 2")));
  EXPECT_THAT(OutputOf(absl::StrCat("drivers --formats ", folder.path, " acm")), HasSubstr("did you mean \"acme\"?"));
  EXPECT_THAT(OutputOf("decode --formats /nowhere acme -"), HasSubstr("/nowhere: the formats cannot be read"));
}

TEST(Program, KnowsTheFormatsThatItsConfigurationNames) {
  const Folder folder;
  folder.Write("acme.format.toml", kGood);
  const auto configuration = [&](absl::string_view driver) {
    return folder.Write("bridge.toml",
                        absl::StrCat("formats = \".\"\nlaboratory = \"lab\"\nbridge = \"b\"\n[registry]\naddress = "
                                     "\"r.example:1\"\nca = \"a\"\ncertificate = \"b\"\nkey = \"c\"\n[[instrument]]\n"
                                     "name = \"gc\"\nport = \"/dev/nowhere\"\ndriver = \"",
                                     driver, "\"\n"));
  };
  EXPECT_THAT(OutputOf("check --config " + configuration("acme")), HasSubstr("instrument gc: acme on /dev/nowhere"));
  EXPECT_THAT(OutputOf("check --config " + configuration("acne")),
              HasSubstr("unknown driver \"acne\", did you mean \"acme\"?"));
  folder.Write("bad.format.toml", absl::StrCat(kGood, "ends = \"B\"\n"));
  EXPECT_THAT(OutputOf("check --config " + configuration("acme")), HasSubstr("warning: a format is not used: "));
  EXPECT_THAT(
      OutputOf("check --config " + configuration("bad")),
      testing::AllOf(HasSubstr("driver \"bad\": "), HasSubstr("/bad.format.toml:5: [report]: unknown key \"ends\"")));
}

}  // namespace
}  // namespace dims
