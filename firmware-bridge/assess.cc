#include "firmware-bridge/assess.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/cas.h"

namespace dims {
namespace {

// Blanks and dashes, in ASCII and beyond: what data systems and people put between the parts of a name.
constexpr absl::string_view kSeparators[] = {
    " ",      "\t",     "-",      "\u00a0", "\u00ad", "\u2007", "\u2009", "\u200a", "\u2010",
    "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u202f", "\u2212", "\ufe63", "\uff0d",
};

constexpr absl::string_view kAbsent[] = {"negative", "neg", "neg.",   "not detected", "none detected", "n.d.",
                                         "n.d",      "nd",  "absent", "nonreactive",  "non-reactive"};
constexpr absl::string_view kPresent[] = {"positive", "pos", "pos.", "detected", "present", "reactive"};

// What may stand before a substance's name, or after it, without making it another one. Acetates are esters as often as
// salts: they are not among these.
constexpr absl::string_view kStereo[] = {"dl-", "d-", "l-", "rac-"};
constexpr absl::string_view kSalts[] = {"hydrochloride", "hcl",       "hydrobromide", "hbr",     "sulfate", "sulphate",
                                        "hemisulfate",   "citrate",   "fumarate",     "oxalate", "maleate", "phosphate",
                                        "tartrate",      "free-base", "freebase",     "base"};

template <std::size_t size>
bool IsOneOf(absl::string_view text, const absl::string_view (&words)[size]) {
  text = absl::StripAsciiWhitespace(text);
  return std::any_of(std::begin(words), std::end(words),
                     [&](absl::string_view word) { return absl::EqualsIgnoreCase(text, word); });
}

// An analyser prints its verdict alone, or beside a number ("NEG^0.28").
bool SaysAbsent(absl::string_view printed) {
  bool absent = false;
  for (const absl::string_view part : absl::StrSplit(printed, absl::ByAnyChar("^\\"))) {
    if (IsOneOf(part, kPresent)) return false;
    absent |= IsOneOf(part, kAbsent);
  }
  return absent;
}

bool MayBeThere(const dims::v1::Finding& finding) {
  if (finding.role() == dims::v1::FINDING_ROLE_INTERNAL_STANDARD ||
      finding.role() == dims::v1::FINDING_ROLE_SURROGATE || finding.result_status() == "X") {
    return false;
  }
  const dims::v1::Amount& amount = finding.amount();
  return amount.qualifier() != dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED &&
         amount.qualifier() != dims::v1::AMOUNT_QUALIFIER_LESS_THAN && !SaysAbsent(amount.printed());
}

std::optional<std::string> RegistryNumber(absl::string_view printed) {
  std::optional<Cas> cas = ParseCas(absl::StripAsciiWhitespace(printed));
  if (!cas || cas->kind != Cas::kRegistry) return std::nullopt;
  return std::move(cas->number);
}

}  // namespace

std::string ComparableName(absl::string_view name) {
  std::string comparable;
  while (!name.empty()) {
    const auto separator = std::find_if(std::begin(kSeparators), std::end(kSeparators),
                                        [&](absl::string_view one) { return absl::StartsWith(name, one); });
    if (separator == std::end(kSeparators)) {
      comparable.push_back(absl::ascii_tolower(name.front()));
      name.remove_prefix(1);
    } else {
      if (!comparable.empty() && comparable.back() != '-') comparable.push_back('-');
      name.remove_prefix(separator->size());
    }
  }
  if (!comparable.empty() && comparable.back() == '-') comparable.pop_back();
  return comparable;
}

std::string SubstanceName(absl::string_view name) {
  std::string comparable = ComparableName(name);
  absl::string_view core = comparable;
  absl::ConsumeSuffix(&core, "?");
  absl::ConsumeSuffix(&core, "-");
  while (core.size() > 2 && core.front() == '(' && core.find(')') == core.size() - 1) {
    core = core.substr(1, core.size() - 2);
  }
  if (const std::size_t end = core.find(")-");
      absl::StartsWith(core, "(") && end != absl::string_view::npos && end > 1) {
    if (core.substr(1, end - 1).find_first_not_of("rsez0123456789,+./-") == absl::string_view::npos) {
      core.remove_prefix(end + 2);
    }
  }
  for (const absl::string_view prefix : kStereo) {
    if (core.size() > prefix.size() && absl::ConsumePrefix(&core, prefix)) break;
  }
  for (const absl::string_view salt : kSalts) {
    absl::string_view rest = core;
    if (absl::ConsumeSuffix(&rest, salt) && absl::ConsumeSuffix(&rest, "-") && !rest.empty()) {
      core = rest;
      break;
    }
  }
  return std::string(core);
}

bool IsControl(dims::v1::Origin origin) {
  return origin == dims::v1::ORIGIN_QC_STANDARD || origin == dims::v1::ORIGIN_BLANK ||
         origin == dims::v1::ORIGIN_PROFICIENCY;
}

bool IsUrgent(dims::v1::Tier tier) { return tier == dims::v1::TIER_WARNING || tier == dims::v1::TIER_RED_CANDIDATE; }

Assess::Assess(const std::vector<WatchConfig>& watches) {
  for (const WatchConfig& watch : watches) {
    const std::size_t rule = hits_.size();
    dims::v1::RuleHit& hit = hits_.emplace_back();
    hit.set_rule_id(watch.name);
    hit.set_revision(watch.revision);
    hit.set_tier(watch.tier);
    for (const std::string& substance : watch.substances) {
      if (std::string name = ComparableName(substance); !name.empty()) by_name_[std::move(name)].insert(rule);
    }
    for (const std::string& cas : watch.cas) {
      if (std::optional<std::string> number = RegistryNumber(cas)) by_cas_[*std::move(number)].insert(rule);
    }
  }
}

void Assess::Look(absl::string_view label, absl::string_view cas, Rules& found) const {
  const auto add = [&](const auto& rules, const std::string& key) {
    const auto entry = rules.find(key);
    if (entry != rules.end()) found.insert(entry->second.begin(), entry->second.end());
  };
  add(by_name_, ComparableName(label));
  add(by_name_, SubstanceName(label));
  // Some methods name a substance by its number.
  for (const absl::string_view printed : {label, cas}) {
    if (const std::optional<std::string> number = RegistryNumber(printed)) add(by_cas_, *number);
  }
}

void Assess::operator()(dims::v1::Report& report) const {
  report.clear_rule_hits();
  report.set_urgency(dims::v1::URGENCY_ROUTINE);
  if (hits_.empty()) return;
  Rules found;
  for (const dims::v1::Analysis& analysis : report.analyses()) {
    for (const dims::v1::Finding& finding : analysis.findings()) {
      if (!MayBeThere(finding)) continue;
      Look(finding.label(), finding.cas(), found);
      for (const dims::v1::Identification& proposal : finding.identifications()) {
        Look(proposal.label(), proposal.cas(), found);
      }
    }
  }
  for (const std::size_t rule : found) {
    *report.add_rule_hits() = hits_[rule];
    if (IsUrgent(hits_[rule].tier()) && !IsControl(report.origin())) report.set_urgency(dims::v1::URGENCY_URGENT);
  }
}

}  // namespace dims
