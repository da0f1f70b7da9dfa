// What makes a report urgent: a whole name or number, never a part of one, and never one that is said to be absent.
#include "firmware-bridge/assess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dims {
namespace {

using dims::v1::Finding;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<WatchConfig> kWatches = {
    {"pmma", {"PMMA", "para-methoxymethamphetamine"}, {"22331-70-0"}, dims::v1::TIER_WARNING, "7"},
    {"fentanyls", {"carfentanil", "fentanyl"}, {"59708-52-0", "437-38-7"}, dims::v1::TIER_RED_CANDIDATE, ""},
    {"levamisole", {"Levamisole"}, {"14769-73-4"}, dims::v1::TIER_CAUTION, ""},
    {"opioids", {"Fentanyl", "heroin"}, {}, dims::v1::TIER_INFO, ""},
};

dims::v1::Report Assessed(const Finding& finding) {
  dims::v1::Report report;
  *report.add_analyses()->add_findings() = finding;
  Assess{kWatches}(report);
  return report;
}

Finding Labelled(absl::string_view label) {
  Finding finding;
  finding.set_label(std::string(label));
  return finding;
}

std::vector<std::string> Hits(const dims::v1::Report& report) {
  std::vector<std::string> ids;
  for (const dims::v1::RuleHit& hit : report.rule_hits()) ids.push_back(hit.rule_id());
  return ids;
}
bool Urgent(const dims::v1::Report& report) { return report.urgency() == dims::v1::URGENCY_URGENT; }

TEST(Assess, NotesTheRuleItsRevisionAndItsTier) {
  const dims::v1::Report report = Assessed(Labelled("PMMA"));
  EXPECT_TRUE(Urgent(report));
  ASSERT_EQ(report.rule_hits_size(), 1);
  EXPECT_EQ(report.rule_hits(0).rule_id(), "pmma");
  EXPECT_EQ(report.rule_hits(0).revision(), "7");
  EXPECT_EQ(report.rule_hits(0).tier(), dims::v1::TIER_WARNING);
}

TEST(Assess, ARuleOfALowTierIsNotedAndNotUrgent) {
  const dims::v1::Report report = Assessed(Labelled("levamisole"));
  EXPECT_THAT(Hits(report), ElementsAre("levamisole"));
  EXPECT_EQ(report.urgency(), dims::v1::URGENCY_ROUTINE);
}

TEST(Assess, WithoutAHitAReportIsRoutine) {
  for (const dims::v1::Report& report : {Assessed(Labelled("caffeine")), Assessed(Finding())}) {
    EXPECT_THAT(Hits(report), IsEmpty());
    EXPECT_EQ(report.urgency(), dims::v1::URGENCY_ROUTINE);
  }
  dims::v1::Report report = Assessed(Labelled("PMMA"));
  Assess{{}}(report);
  EXPECT_THAT(Hits(report), IsEmpty()) << "what an earlier assessment said does not stay";
  EXPECT_FALSE(Urgent(report));
}

TEST(Assess, HasEachRuleOnceInTheOrderOfTheConfiguration) {
  dims::v1::Report report;
  for (const char* sample : {"S-1", "S-2"}) {
    dims::v1::Analysis& analysis = *report.add_analyses();
    analysis.set_sample_number(sample);
    *analysis.add_findings() = Labelled("levamisole");
    *analysis.add_findings() = Labelled("fentanyl");
    analysis.mutable_findings(1)->set_cas("437-38-7");
    *analysis.add_findings() = Labelled("caffeine");
  }
  Assess{kWatches}(report);
  EXPECT_THAT(Hits(report), ElementsAre("fentanyls", "levamisole", "opioids"));
  EXPECT_TRUE(Urgent(report));
}

TEST(Assess, LooksAtEveryProposalOfALibrarySearch) {
  for (const bool by_cas : {false, true}) {
    Finding finding;
    finding.set_retention_time("7.123");
    for (const char* label : {"Caffeine", "Theobromine", ""}) finding.add_identifications()->set_label(label);
    if (by_cas) {
      finding.mutable_identifications(2)->set_cas("22331-70-0");
    } else {
      finding.mutable_identifications(2)->set_label("p-methoxy");
      EXPECT_THAT(Hits(Assessed(finding)), IsEmpty());
      finding.mutable_identifications(2)->set_label("Para-Methoxymethamphetamine");
    }
    EXPECT_THAT(Hits(Assessed(finding)), ElementsAre("pmma"));
  }
}

TEST(Assess, TakesCaseBlanksAndDashesOfEveryKindForAlike) {
  for (const char* name :
       {"para-methoxymethamphetamine", "PARA METHOXYMETHAMPHETAMINE", " para - Methoxymethamphetamine ",
        "para\u2010methoxymethamphetamine", "para\u2013methoxymethamphetamine", "para\u00a0methoxymethamphetamine",
        "para\tmethoxymethamphetamine"}) {
    EXPECT_THAT(Hits(Assessed(Labelled(name))), ElementsAre("pmma")) << name;
  }
  EXPECT_EQ(ComparableName(" - \u2013 "), "");
  EXPECT_EQ(ComparableName("\u03b1-PVP"), "\u03b1-pvp");
  EXPECT_NE(ComparableName("2,5-DMA"), ComparableName("2,5DMA")) << "which is for the configuration to say";
}

TEST(Assess, ASaltAStereochemicalDescriptorBracketsOrDoubtMakeNoOtherSubstance) {
  for (const char* name : {"PMMA hydrochloride", "PMMA HCl", "(PMMA)", "PMMA?", "(.+/-.)-PMMA", "(S)-PMMA", "dl-PMMA",
                           "(2R,3S)-PMMA sulfate", "PMMA free base"}) {
    EXPECT_THAT(Hits(Assessed(Labelled(name))), ElementsAre("pmma")) << name;
  }
}

TEST(Assess, ANameThatOnlyContainsASubstanceIsNeverAHit) {
  for (const char* name : {"4-fluoro-PMMA", "PMMA-d3", "norfentanyl", "fentanyl-d5", "acetyl fentanyl", "PMMA acetate",
                           "(4-fluoro)-PMMA", "no PMMA", "PM-MA", "P MMA", "hydrochloride", "dl-"}) {
    EXPECT_THAT(Hits(Assessed(Labelled(name))), IsEmpty()) << name;
  }
  // Whatever letters and digits stand before, after or within.
  std::mt19937 random(7);
  const std::string letters = "abcXYZ019(),'+\xc3\xa9";
  const auto text = [&](std::size_t most) {
    std::string out;
    for (std::size_t size = random() % (most + 1); size > 0; --size) out.push_back(letters[random() % letters.size()]);
    return out;
  };
  const std::string joints[] = {"", "-", " ", ", ", "\u2013"};
  for (int i = 0; i < 20'000; ++i) {
    const WatchConfig& watch = kWatches[random() % kWatches.size()];
    std::string name = watch.substances[random() % watch.substances.size()];
    const std::string before = text(4), after = text(4);
    const std::string within = before.empty() && after.empty() ? "x" : text(1);
    if (!within.empty()) name.insert(1 + random() % (name.size() - 1), within);
    name = absl::StrCat(before, before.empty() ? "" : joints[random() % 5], name,
                        after.empty() ? "" : joints[random() % 5], after);
    ASSERT_THAT(Hits(Assessed(Labelled(name))), IsEmpty()) << name;
  }
}

TEST(Assess, AnySpellingOfAWholeNameIsAHit) {
  std::mt19937 random(8);
  const std::string gaps[] = {"-", " ", "\u2011", "\u00a0", " - ", "--"};
  for (int i = 0; i < 5'000; ++i) {
    const WatchConfig& watch = kWatches[random() % kWatches.size()];
    const std::string& name = watch.substances[random() % watch.substances.size()];
    std::string spelt;
    for (const char c : name) {
      if (c == '-') {
        spelt += gaps[random() % 6];
      } else {
        spelt.push_back(random() % 2 == 0 ? absl::ascii_toupper(c) : absl::ascii_tolower(c));
      }
    }
    const std::vector<std::string> hits = Hits(Assessed(Labelled(spelt)));
    EXPECT_THAT(hits, ::testing::Contains(watch.name)) << spelt;
  }
}

TEST(Assess, ComparesNumbersWithoutPaddingAndTrustsNoWrongOne) {
  Finding finding;
  for (const char* cas : {"22331-70-0", "022331-70-0", "0022331-70-0"}) {
    finding.set_cas(cas);
    EXPECT_THAT(Hits(Assessed(finding)), ElementsAre("pmma")) << cas;
    EXPECT_THAT(Hits(Assessed(Labelled(cas))), ElementsAre("pmma")) << cas << " in the place of a name";
  }
  for (const char* cas : {"22331-70-1", "2331-70-0", "122331-70-0", "22331-70", "0-00-0", "1000413-72-8", ""}) {
    finding.set_cas(cas);
    EXPECT_THAT(Hits(Assessed(finding)), IsEmpty()) << cas;
  }
}

TEST(Assess, ANumberThatALibraryGaveIsNoSubstances) {
  Finding finding;
  finding.set_cas("1000413-72-8");
  dims::v1::Report report;
  *report.add_analyses()->add_findings() = finding;
  Assess{{{"a", {}, {"1000413-72-8"}, dims::v1::TIER_WARNING, ""}}}(report);
  EXPECT_FALSE(Urgent(report));
}

TEST(Assess, WhatIsSaidToBeAbsentIsNoHitAndWhatMayBeThereIs) {
  for (int i = 0; i < dims::v1::AmountQualifier_ARRAYSIZE; ++i) {
    const auto qualifier = static_cast<dims::v1::AmountQualifier>(i);
    Finding finding = Labelled("PMMA");
    finding.mutable_amount()->set_qualifier(qualifier);
    const bool absent =
        qualifier == dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED || qualifier == dims::v1::AMOUNT_QUALIFIER_LESS_THAN;
    EXPECT_EQ(Urgent(Assessed(finding)), !absent) << dims::v1::AmountQualifier_Name(qualifier);
    finding.add_identifications()->set_cas("22331-70-0");
    EXPECT_EQ(Urgent(Assessed(finding)), !absent) << "by a proposal";
  }
}

TEST(Assess, ReadsTheVerdictThatAnAnalyserPrintsInWords) {
  for (const char* printed :
       {"NEGATIVE", "neg", "Neg.", " negative ", "Not detected", "n.d.", "NEG^0.28", "0.28^Negative"}) {
    Finding finding = Labelled("fentanyl");
    finding.mutable_amount()->set_printed(printed);
    EXPECT_THAT(Hits(Assessed(finding)), IsEmpty()) << printed;
  }
  for (const char* printed :
       {"POSITIVE", "POS^2.81", "-1^0.282", "borderline", "negative control failed", "detected", "NEG^POS", "0", ""}) {
    Finding finding = Labelled("fentanyl");
    finding.mutable_amount()->set_printed(printed);
    EXPECT_TRUE(Urgent(Assessed(finding))) << printed;
  }
}

TEST(Assess, WhatTheLaboratoryAddedOrCouldNotMeasureIsNoHit) {
  for (const auto& [role, urgent] : {std::pair{dims::v1::FINDING_ROLE_INTERNAL_STANDARD, false},
                                     {dims::v1::FINDING_ROLE_SURROGATE, false},
                                     {dims::v1::FINDING_ROLE_TARGET, true},
                                     {dims::v1::FINDING_ROLE_UNKNOWN, true}}) {
    Finding finding = Labelled("PMMA");
    finding.set_role(role);
    EXPECT_EQ(Urgent(Assessed(finding)), urgent) << dims::v1::FindingRole_Name(role);
  }
  Finding finding = Labelled("PMMA");
  finding.set_result_status("X");
  EXPECT_FALSE(Urgent(Assessed(finding)));
  finding.set_result_status("P");
  EXPECT_TRUE(Urgent(Assessed(finding)));
}

TEST(Assess, OfAControlTheHitIsNotedAndNobodyIsAlarmed) {
  using dims::v1::Origin_MAX;
  for (int value = 0; value <= Origin_MAX; ++value) {
    const auto origin = static_cast<dims::v1::Origin>(value);
    dims::v1::Report report;
    report.set_origin(origin);
    *report.add_analyses()->add_findings() = Labelled("PMMA");
    Assess{kWatches}(report);
    EXPECT_THAT(Hits(report), ElementsAre("pmma"));
    const bool control = origin == dims::v1::ORIGIN_QC_STANDARD || origin == dims::v1::ORIGIN_BLANK ||
                         origin == dims::v1::ORIGIN_PROFICIENCY;
    EXPECT_EQ(Urgent(report), !control) << dims::v1::Origin_Name(origin);
  }
}

TEST(Assess, OneAbsentFindingDoesNotHideAnother) {
  dims::v1::Report report;
  dims::v1::Analysis& analysis = *report.add_analyses();
  *analysis.add_findings() = Labelled("PMMA");
  analysis.mutable_findings(0)->mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  *analysis.add_findings() = Labelled("PMMA");
  Assess{kWatches}(report);
  EXPECT_THAT(Hits(report), ElementsAre("pmma"));
}

}  // namespace
}  // namespace dims
