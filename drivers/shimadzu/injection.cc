#include "drivers/shimadzu/injection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "drivers/decimal.h"
#include "drivers/shimadzu/rows.h"
#include "drivers/shimadzu/sections.h"
#include "drivers/shimadzu/text.h"
#include "drivers/text.h"

namespace dims::shimadzu {

using dims::v1::Finding;

namespace {

constexpr std::size_t kMostKept = 3 << 20;
constexpr std::size_t kRowKept = 128;  // what a message takes beside its fields
constexpr std::size_t kMostChannels = 64, kMostSections = 256;
constexpr std::size_t kLongestValue = 256;  // it is repeated in every channel's analysis

// The header's keys, as Normal gives them; they tell the separator, and whether it is of this format at all.
constexpr absl::string_view kHeaderKeys[] = {"applicationname", "datafilename", "outputdate", "outputtime", "version"};

// Keys of which something is carried, as Normal gives them.
constexpr absl::string_view kKeys[] = {
    "samplename", "sampleid",       "barcode",  "acquired",   "analyzed",     "acquisitiondate",
    "vial#",      "dilutionfactor", "datafile", "methodfile", "detectorname", "#ofdetectors",
};

bool IsOneLetterOff(absl::string_view key, absl::Span<const absl::string_view> known) {
  return std::any_of(known.begin(), known.end(), [&](absl::string_view k) { return IsSlip(k, key); });
}

}  // namespace

Injection Injection::Next(uint64_t at) const {
  Injection next(settings_);
  next.known_ = true;
  next.separator_ = separator_;
  next.reading_ = Reading::kNothing;
  AddProblem(next.report_, dims::v1::PROBLEM_TYPE_MISSING, at,
             "another injection begins here, and its header is not there");
  return next;
}

void Injection::Take(const TextLine& line) {
  const absl::string_view text = line.text;
  // Spreadsheets fill blank lines up with separators, too.
  const bool filled_up = separator_ != '\t' && text.find_first_not_of(separator_) == absl::string_view::npos;
  if (text.empty() || filled_up) {
    const bool ends = reading_ == Reading::kHeader || reading_ == Reading::kKeys || reading_ == Reading::kTable ||
                      (reading_ == Reading::kPassed && kind_ != nullptr && kind_->what == SectionKind::kOtherTable);
    if (ends && !line.form_feed) CloseSection();
    return;
  }
  if (const std::optional<Section> section = ParseSection(text)) {
    CloseSection();
    // What a trace is called stands in the titles of its sections.
    if (line.damaged) Undecodable(line.at);
    if (known_) OpenSection(*section, line.at);
    return;
  }
  // Not of what is left out: operators' names are in every code page.
  const bool carried =
      reading_ != Reading::kPassed && reading_ != Reading::kStray && (reading_ != Reading::kKeys || IsCarried(text));
  if (line.damaged && carried) Undecodable(line.at);
  switch (reading_) {
    case Reading::kHeader:
      return TakeHeader(text, line.at);
    case Reading::kKeys:
      return TakeKey(text, line.at);
    case Reading::kTable:
      switch (table_->Take(line, separator_, report_)) {
        case Table::Line::kRow:
          return TakeRow(line.at);
        case Table::Line::kPart:
          return;
        case Table::Line::kNothing:
          return Unexpected(line.at, "no row of");
      }
      return;
    case Reading::kCurve:
      if (curve_->complete() && Curve::BeginsAnother(text)) {
        CloseSection();
        OpenSection(section_, line.at);
      }
      if (!curve_->Take(text, separator_)) Unexpected(line.at, "no point of");
      return;
    case Reading::kNothing:
      AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
                 "a line outside any section; it is left out, and so is what follows up to the next one");
      reading_ = Reading::kStray;
      return;
    case Reading::kPassed:
    case Reading::kStray:
      return;
  }
}

bool Injection::IsCarried(absl::string_view text) const {
  const std::string key = Normal(text.substr(0, text.find(separator_)));
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

void Injection::TakeHeader(absl::string_view text, uint64_t at) {
  const std::size_t end = text.find_first_of(known_ ? absl::string_view(&separator_, 1) : "\t,;");
  const std::string key = Normal(text.substr(0, end));
  if (std::find(std::begin(kHeaderKeys), std::end(kHeaderKeys), key) == std::end(kHeaderKeys)) {
    ++foreign_lines_;
    if (IsOneLetterOff(key, kHeaderKeys)) Unexpected(at, "a key one letter off a known one in");
    return;
  }
  if (end == absl::string_view::npos) return;
  separator_ = text[end];
  known_ |= key != "version";
  absl::string_view value = text.substr(end + 1);
  value = absl::StripAsciiWhitespace(value.substr(0, value.find_last_not_of(separator_) + 1));
  if (absl::ConsumePrefix(&value, "\"")) absl::ConsumeSuffix(&value, "\"");
  if (value.size() > kLongestValue) return Unexpected(at, "longer than any value of");
  keys_[key] = std::string(value);
}

void Injection::TakeKey(absl::string_view text, uint64_t at) {
  const std::optional<std::vector<std::string>> cells = SplitCells(text, separator_);
  if (!cells || absl::ascii_isdigit((*cells)[0].empty() ? ' ' : (*cells)[0][0])) return Unexpected(at, "no key of");
  const std::string key = Normal((*cells)[0]);
  const bool carried = IsCarried(text);
  if (!carried && IsOneLetterOff(key, kKeys)) {
    return Unexpected(at, "a key one letter off a known one in");
  }
  if (!carried || cells->size() < 2 || (*cells)[1].empty()) return;
  if ((*cells)[1].size() > kLongestValue) return Unexpected(at, "longer than any value of");
  keys_.emplace(key, (*cells)[1]);
}

void Injection::Unexpected(uint64_t at, absl::string_view what) {
  AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
             absl::StrCat("a line that is ", what, " [", reading_ == Reading::kHeader ? "Header" : section_.Title(),
                          "]; it is left out"));
}

void Injection::Undecodable(uint64_t at) {
  AddProblem(report_, dims::v1::PROBLEM_TYPE_ENCODING, at, "bytes that are no text in this encoding");
}

bool Injection::HasHad(const Section& section) const {
  return std::find(had_.begin(), had_.end(), section.Title()) != had_.end();
}

void Injection::OpenSection(const Section& section, uint64_t at) {
  section_ = section;
  section_at_ = at;
  kind_ = KindOf(section);
  reading_ = Reading::kPassed;
  if (kind_ == nullptr) {
    has_results_ = true;
    AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a section that is not known; it is left out");
    return;
  }
  if (kind_->ComesOnce()) {
    if (had_.size() >= kMostSections) {
      AddProblem(report_, dims::v1::PROBLEM_TYPE_OVERSIZE, at, "more sections than one report may have");
      return;
    }
    had_.push_back(section.Title());
  }
  has_results_ |= kind_->what != SectionKind::kKeys && kind_->what != SectionKind::kText;
  std::optional<Table::Kind> table;
  switch (kind_->what) {
    case SectionKind::kKeys:
      reading_ = Reading::kKeys;
      return;
    case SectionKind::kPeaks:
      table = Table::Kind::kPeaks;
      channel_ = ChannelOf(section.channel, kind_->mass_spectrometer);
      break;
    case SectionKind::kCompounds:
      table = Table::Kind::kCompounds;
      break;
    case SectionKind::kSpectra:
      table = Table::Kind::kSpectra;
      break;
    case SectionKind::kHits:
      table = Table::Kind::kHits;
      break;
    case SectionKind::kCurve:
    case SectionKind::kTrace:
      curve_.emplace(kind_->curve, section.Title(), at, settings_.keep_curves && kind_->what == SectionKind::kCurve,
                     Room() / (2 * sizeof(double)));
      reading_ = Reading::kCurve;
      return;
    case SectionKind::kOtherTable:
    case SectionKind::kText:
      return;
  }
  table_.emplace(*table, section.Title(), at);
  last_peak_ = 0;
  reading_ = Reading::kTable;
}

void Injection::CloseSection() {
  if (reading_ == Reading::kHeader && !known_) foreign_ = true;
  if (reading_ == Reading::kTable) {
    table_->Close(report_);
    if (kind_->what == SectionKind::kPeaks && channel_ < channels_.size() && !table_->mass().empty() &&
        table_->mass().size() <= kLongestValue) {
      report_.mutable_analyses(static_cast<int>(channel_))->set_signal(table_->mass());
    }
    table_.reset();
  }
  if (reading_ == Reading::kCurve) {
    curve_->Close(report_);
    if (settings_.keep_curves && kind_->what == SectionKind::kCurve) {
      dims::v1::Spectrum curve = std::move(*curve_).Release();
      const std::size_t channel = ChannelOf(absl::StrCat(kind_->detector, section_.channel), kind_->mass_spectrometer);
      if (channel < channels_.size() && Keep(curve.ByteSizeLong())) {
        *report_.mutable_analyses(static_cast<int>(channel))->add_spectra() = std::move(curve);
      }
    }
    curve_.reset();
  }
  reading_ = Reading::kNothing;
}

void Injection::TakeRow(uint64_t at) {
  const Table& row = *table_;
  bool taken = true;
  switch (row.kind()) {
    case Table::Kind::kPeaks:
      taken = TakePeak(at);
      break;
    case Table::Kind::kCompounds:
      taken = TakeCompound(at);
      break;
    case Table::Kind::kSpectra:
      taken = IsNumber(row[Column::kTop]);
      if (taken && Keep(0)) hits_.AddSpectrum(std::string(row[Column::kSpectrum]), Point(row[Column::kTop]));
      break;
    case Table::Kind::kHits: {
      std::optional<dims::v1::Identification> hit = ToHit(row, at, report_);
      taken = hit.has_value();
      if (!taken || !Keep(hit->ByteSizeLong())) break;
      if (row.Has(Column::kSpectrum)) {
        hits_.AddOfSpectrum(std::string(row[Column::kSpectrum]), *std::move(hit));
      } else {
        hits_.AddOfCompound(std::string(row[Column::kId]), *std::move(hit));
      }
      break;
    }
  }
  if (!taken) Unexpected(at, "no row of");
}

bool Injection::TakePeak(uint64_t at) {
  const Table& row = *table_;
  std::optional<Finding> peak = ToPeak(row, at, report_);
  if (!peak) return false;
  int64_t number = 0;
  if (absl::SimpleAtoi(peak->peak().number(), &number)) {
    if (number <= last_peak_) {
      AddProblem(report_, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
                 absl::StrCat("peak ", number, " stands after peak ", last_peak_));
    }
    last_peak_ = number;
  }
  if (channel_ >= channels_.size() || !Keep(peak->ByteSizeLong())) return true;
  dims::v1::Analysis& analysis = *report_.mutable_analyses(static_cast<int>(channel_));
  if (const absl::string_view id = row[Column::kId]; !id.empty()) {
    channels_[channel_].peaks[absl::StrCat(id, "\t", peak->retention_time())] = analysis.findings_size();
  }
  *analysis.add_findings() = *std::move(peak);
  return true;
}

bool Injection::TakeCompound(uint64_t at) {
  const Table& row = *table_;
  std::optional<Finding> compound = ToCompound(row, at, report_);
  if (!compound) return false;
  const std::string id(row[Column::kId]);
  if (const std::optional<PeakPlace> place = TakePeakOf(id, *compound)) {
    if (kind_->mass_spectrometer) compounds_[id] = place->finding;
    Finding& peak = *report_.mutable_analyses(static_cast<int>(place->channel))->mutable_findings(place->finding);
    peak.set_label(compound->label());
    peak.set_role(compound->role());
    if (compound->has_amount()) *peak.mutable_amount() = std::move(*compound->mutable_amount());
    if (!compound->signal_to_noise().empty()) peak.set_signal_to_noise(compound->signal_to_noise());
    return true;
  }
  const std::size_t channel = ChannelOf(section_.channel, kind_->mass_spectrometer);
  if (channel >= channels_.size() || !Keep(compound->ByteSizeLong())) return true;
  dims::v1::Analysis& analysis = *report_.mutable_analyses(static_cast<int>(channel));
  if (kind_->mass_spectrometer) compounds_[id] = analysis.findings_size();
  *analysis.add_findings() = *std::move(compound);
  return true;
}

// The peak that a compound of the section at hand was found in, which is no other compound's then: a channel's peak
// table names the compound's number beside it. The section may name a detector where the peak tables name its channels.
std::optional<Injection::PeakPlace> Injection::TakePeakOf(const std::string& id, const Finding& compound) {
  const std::string key = absl::StrCat(id, "\t", compound.retention_time());
  const std::string of_detector = absl::StrCat(section_.channel, "-Ch");
  std::vector<PeakPlace> own, others;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const Channel& channel = channels_[i];
    const auto peak = channel.peaks.find(key);
    if (channel.mass_spectrometer != kind_->mass_spectrometer || peak == channel.peaks.end()) continue;
    const Finding& finding = report_.analyses(static_cast<int>(i)).findings(peak->second);
    if (finding.peak().area() != compound.peak().area()) continue;
    if (channel.name == section_.channel) own.push_back({i, peak->second});
    if (absl::StartsWith(channel.name, of_detector)) others.push_back({i, peak->second});
  }
  // Of two channels nothing tells which.
  const std::vector<PeakPlace>& places = own.empty() ? others : own;
  if (places.size() != 1) return std::nullopt;
  channels_[places[0].channel].peaks.erase(key);
  return places[0];
}

std::size_t Injection::ChannelOf(const std::string& name, bool mass_spectrometer) {
  const auto found = std::find_if(channels_.begin(), channels_.end(), [&](const Channel& channel) {
    return channel.name == name && channel.mass_spectrometer == mass_spectrometer;
  });
  if (found != channels_.end()) return static_cast<std::size_t>(found - channels_.begin());
  if (channels_.size() >= kMostChannels) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_OVERSIZE, section_at_, "more channels than one report may have");
    return channels_.size();
  }
  channels_.push_back({name, mass_spectrometer, {}});
  report_.add_analyses()->set_signal(name);
  return channels_.size() - 1;
}

std::size_t Injection::Room() const { return kMostKept - kept_; }

bool Injection::Keep(std::size_t size) {
  if (kRowKept + size <= Room()) {
    kept_ += kRowKept + size;
    return true;
  }
  if (!std::exchange(full_, true)) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_OVERSIZE, section_at_,
               absl::StrCat("more than ", kMostKept >> 20, " MiB of results; what came after them is left out"));
  }
  return false;
}

bool Injection::complete() const {
  if (!known_ || !has_results_) return false;
  if (reading_ == Reading::kTable) return table_->complete();
  if (reading_ == Reading::kCurve) return curve_->complete();
  return reading_ != Reading::kHeader;
}

dims::v1::Technique Injection::TechniqueOf(const Channel& channel, const std::string& data_file) const {
  const std::string file = absl::AsciiStrToLower(data_file);
  if (channel.mass_spectrometer) {
    if (absl::EndsWith(file, ".qgd")) return dims::v1::TECHNIQUE_GC_MS;
    return absl::EndsWith(file, ".lcd") ? dims::v1::TECHNIQUE_LC_MS : dims::v1::TECHNIQUE_MS;
  }
  if (absl::EndsWith(file, ".lcd")) {
    return absl::StartsWith(channel.name, "PDA") ? dims::v1::TECHNIQUE_LC_DAD : dims::v1::TECHNIQUE_LC;
  }
  if (!absl::EndsWith(file, ".gcd") && !absl::EndsWith(file, ".qgd")) return dims::v1::TECHNIQUE_UNSPECIFIED;
  // "SFID1". With two detectors it does not say which of them the channel is of.
  const auto detectors = keys_.find("#ofdetectors"), name = keys_.find("detectorname");
  const bool flame = detectors != keys_.end() && detectors->second == "1" && name != keys_.end() &&
                     absl::StrContains(absl::AsciiStrToUpper(name->second), "FID");
  return flame ? dims::v1::TECHNIQUE_GC_FID : dims::v1::TECHNIQUE_GC;
}

End Injection::Finish(End::Where where, bool complete) && {
  if (complete) CloseSection();
  if (!hits_.empty()) {
    channel_ = ChannelOf("", true);
    if (channel_ < channels_.size()) {
      std::move(hits_).JoinTo(compounds_, *report_.mutable_analyses(static_cast<int>(channel_)));
    }
  }
  const auto value = [&](absl::string_view key) {
    return keys_.count(std::string(key)) ? keys_.at(std::string(key)) : "";
  };
  std::string data_file(FileName(value("datafilename").empty() ? value("datafile") : value("datafilename")));
  if (channels_.empty()) ChannelOf("", absl::EndsWithIgnoreCase(data_file, ".qgd"));  // that it was measured is said
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    dims::v1::Analysis& analysis = *report_.mutable_analyses(static_cast<int>(i));
    analysis.set_sample_number(value(settings_.sample_number));
    analysis.set_data_file(data_file);
    analysis.set_method(std::string(FileName(value("methodfile"))));
    analysis.set_technique(TechniqueOf(channels_[i], data_file));
    for (const absl::string_view key : {"acquired", "analyzed", "acquisitiondate"}) {
      if (const std::string time = value(key); !time.empty()) analysis.set_acquired_at_printed(time);
    }
    if (!value("outputdate").empty() && !value("outputtime").empty()) {
      analysis.set_reported_at_printed(absl::StrCat(value("outputdate"), " ", value("outputtime")));
    }
    analysis.set_vial(value("vial#"));
    analysis.set_sample_multiplier(Point(value("dilutionfactor")));
  }
  return End{std::move(report_), where};
}

}  // namespace dims::shimadzu
