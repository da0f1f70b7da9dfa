// Ocean Optics spectrometers on RS-232: USB2000+, USB4000, Flame, and the older S2000, in binary mode.
//
// The driver sets the device up when the line opens, one command after the other, has it measure on a schedule, on an
// order ("acquire") or whenever its trigger fires, and has it send a spectrum again (O1) that arrived damaged. A report
// is one spectrum in all its sendings. It begins with the start word: the STX before it is an answer, as ACK and NAK.
//
// A spectrum that nobody asked for is read, too: a device may have been triggered before this program came, and that is
// how a capture of somebody else's session reads. But only one that was asked for may begin with a damaged word.
//
// How long a frame is, its own header says and the model decides; a FrameScan knows neither. So the scan gives single
// bytes, and the decoder counts.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/driver.h"
#include "drivers/ocean/frame.h"
#include "drivers/ocean/options.h"
#include "drivers/ocean/setup.h"

namespace dims {
namespace {

using ocean::FrameReader;

constexpr unsigned char kStx = 0x02, kEtx = 0x03, kAck = 0x06, kNak = 0x15;

constexpr int kDeadline = 0;  // of an answer, of the next byte
constexpr int kSchedule = 1;
constexpr absl::Duration kSettle = absl::Milliseconds(500);  // after a NAK
constexpr absl::Duration kPause = absl::Seconds(30);         // before a device that does not answer is tried again
constexpr absl::Duration kAcquireAgain = absl::Minutes(10);  // where nobody knows when the trigger fires

constexpr int kTries = 3;                       // of one command; sendings of one spectrum
constexpr std::size_t kMostVariable = 15;       // characters of a configuration variable
constexpr std::size_t kMostSwallowed = 8192;    // bytes after a damaged spectrum, before the report is closed
constexpr std::size_t kMostReport = 64 * 1024;  // three sendings of the longest spectrum, and what was swallowed

constexpr char kNoChecksum[] = "nothing came after its end word, where a checksum should be";

bool IsOfNumber(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '.' || byte == 'e' || byte == 'E';
}
bool EndsVariable(unsigned char byte) { return byte == '\0' || byte == '\r' || byte == '\n' || byte == ' '; }

struct Kind {
  v1::SpectrumKind spectrum = v1::SPECTRUM_KIND_UNSPECIFIED;
  v1::Technique technique = v1::TECHNIQUE_UNSPECIFIED;
};
Kind KindOf(absl::string_view kind) {
  if (kind == "raman") return {v1::SPECTRUM_KIND_RAMAN, v1::TECHNIQUE_RAMAN};
  if (kind == "uv-vis") return {v1::SPECTRUM_KIND_UV_VIS, v1::TECHNIQUE_UV_VIS};
  if (kind == "fluorescence") return {v1::SPECTRUM_KIND_FLUORESCENCE, v1::TECHNIQUE_UNSPECIFIED};
  return {};
}

class OceanOptics final : public Decoder {
 public:
  explicit OceanOptics(const Options& options)
      : interval_(options.Duration("interval")),
        idle_(options.Duration("idle_timeout")),
        external_(options.Integer("trigger") >= 2),
        kind_(KindOf(options.Text("kind"))),
        setup_(options) {}

  void OnOpen(Events& out) override {
    complaints_.clear();
    due_ = interval_ > absl::ZeroDuration();
    SetUp(out);
  }

  void OnFrame(const Frame& frame, Events& out) override {
    const auto byte = static_cast<unsigned char>(frame.bytes[0]);
    here_ = frame.at + 1;
    line_errors_ |= frame.line_errors.any();
    if (frame_) return TakeSpectrum(byte, out);
    line_errors_ = frame.line_errors.any();
    const bool after_stx = std::exchange(after_stx_, false);
    if (state_ == State::kDamaged) return TakeAfterDamage(byte, after_stx, out);
    if (after_stx && (byte == 0xFF || state_ == State::kAcquire)) return BeginSpectrum(byte, out);
    if (line_errors_) return;  // no answer has one in it
    if (state_ == State::kVariable) return TakeVariable(byte, out);
    TakeAnswer(byte, out);
  }

  void OnTimer(int timer, uint64_t at, Events& out) override {
    here_ = at;
    const bool until_silent = frame_ || state_ == State::kDamaged || (state_ == State::kIdle && !ready_);
    if (timer == kSchedule) {
      due_ = true;
      if (AtRest()) Acquire(out);
    } else if (until_silent && at > armed_at_) {
      Await(idle_, out);
    } else if (frame_) {
      fault_ = Silent();
      AskAgain(out);
    } else {
      OnSilence(out);
    }
  }

  void OnSend(const Order&, uint64_t at, Events& out) override {
    here_ = at;
    due_ = true;
    if (AtRest()) Acquire(out);
  }

  void OnClose(Ending why, uint64_t at, Events& out) override {
    if (frame_) {
      End end;
      if (frame_->lacks_only_checksum()) {
        AddProblem(end.report, v1::PROBLEM_TYPE_MISSING, at, kNoChecksum);
        Describe(*frame_, end.report);
      } else {
        AddEndingProblem(end.report, why, at);
      }
      out.push_back(std::move(end));
    } else if (state_ == State::kDamaged) {
      EndDamaged(End::kThrough, out);
    }
    frame_.reset();
    state_ = State::kIdle;
    ready_ = false;
  }

 private:
  // kDamaged: a report is open, and its spectrum is damaged. It has been asked for again, or will be when the line is
  // quiet.
  enum class State { kIdle, kCommand, kVariable, kAcquire, kDamaged };

  void Say(std::string bytes, Events& out) { out.push_back(Reply{std::move(bytes), ""}); }
  void Await(absl::Duration time, Events& out) {
    out.push_back(Arm{kDeadline, time});
    armed_at_ = here_;
  }

  // Says it once, until a spectrum shows that all is well: a device in trouble is no reason to fill the store.
  void Complain(const std::string& message, Events& out) {
    if (!complaints_.insert(message).second) return out.push_back(Pass{});
    End end;
    AddProblem(end.report, v1::PROBLEM_TYPE_INSTRUMENT, here_ - 1, message);
    out.push_back(std::move(end));
  }

  // --- setting up

  void SetUp(Events& out) {
    ready_ = false;
    setup_.Begin();
    NextCommand(out);
  }

  void NextCommand(Events& out) {
    tries_ = 0;
    if (!setup_.done()) return SayCommand(out);
    ready_ = true;
    Rest(out);
  }

  void SayCommand(Events& out) {
    state_ = State::kCommand;
    settling_ = false;
    ++tries_;
    Say(setup_.command().bytes, out);
    Await(idle_, out);
  }

  void Acknowledged(Events& out) {
    const bool variable = setup_.command().sets == ocean::Command::Sets::kCoefficient;
    setup_.Acknowledge();
    if (!variable) return NextCommand(out);
    state_ = State::kVariable;
    variable_.clear();
    Await(idle_, out);
  }

  // A command of which a character was damaged or lost may be answered more than once: the answers that count are those
  // after the line has settled.
  void Refused(Events& out) {
    settling_ = true;
    Await(kSettle, out);
    if (tries_ < kTries) return out.push_back(Pass{});
    Complain(absl::StrCat("the spectrometer refuses ", setup_.command().about), out);
    setup_.Refuse();
    tries_ = 0;
  }

  void Settled(Events& out) {
    if (tries_ == 0) return NextCommand(out);
    SayCommand(out);
  }

  // Characters up to one that ends them, the longest there can be, or silence.
  void TakeVariable(unsigned char byte, Events& out) {
    out.push_back(Pass{});
    const bool ends = EndsVariable(byte);
    if (variable_.empty() && (ends || byte == kAck)) return;
    if (!ends) variable_ += static_cast<char>(byte);
    if (ends || variable_.size() == kMostVariable) EndVariable(out);
  }

  void EndVariable(Events& out) {
    setup_.TakeCoefficient(variable_);
    NextCommand(out);
  }

  // --- measuring

  bool AtRest() const { return state_ == State::kIdle && ready_ && !frame_; }

  void Rest(Events& out) {
    state_ = State::kIdle;
    if (due_ || (external_ && interval_ == absl::ZeroDuration())) return Acquire(out);
    Await(absl::ZeroDuration(), out);
  }

  void Acquire(Events& out) {
    due_ = false;
    tries_ = 0;
    if (interval_ > absl::ZeroDuration()) out.push_back(Arm{kSchedule, interval_});
    SayAcquire(out);
  }

  void SayAcquire(Events& out) {
    state_ = State::kAcquire;
    tries_ = std::min(tries_ + 1, kTries);
    Say("S", out);
    Await(external_ ? kAcquireAgain : idle_ + setup_.LongestScan(), out);
  }

  void TakeAnswer(unsigned char byte, Events& out) {
    switch (byte) {
      case kAck:
        out.push_back(Pass{});
        if (state_ == State::kCommand && !settling_) return Acknowledged(out);
        stray_ = kMostVariable;
        return;
      case kNak:
        if (state_ == State::kCommand && !settling_) return Refused(out);
        if (state_ == State::kAcquire && tries_ == kTries) {
          return CannotMeasure("the spectrometer refuses S (acquire)", out);
        }
        if (state_ == State::kAcquire) Await(kSettle, out);
        return out.push_back(Pass{});
      case kEtx:
        if (state_ == State::kAcquire) return CannotMeasure("the spectrometer has no memory for a spectrum", out);
        return out.push_back(Pass{});
      case kStx:
        after_stx_ = true;
        return out.push_back(Pass{});
      default:
        return TakeStray(byte, out);
    }
  }

  // A variable that comes late, or that somebody else asked for, is no noise.
  void TakeStray(unsigned char byte, Events& out) {
    if (stray_ > 0 && (IsOfNumber(byte) || EndsVariable(byte))) {
      stray_ = EndsVariable(byte) ? 0 : stray_ - 1;
      return out.push_back(Pass{});
    }
    stray_ = 0;
    // This may have been the STX, and then no other comes.
    if (state_ == State::kAcquire && external_) Await(idle_, out);
  }

  void CannotMeasure(const std::string& why, Events& out) {
    Complain(why, out);
    state_ = State::kIdle;
    ready_ = false;
    Await(kPause, out);
  }

  void OnSilence(Events& out) {
    switch (state_) {
      case State::kVariable:
        return EndVariable(out);
      case State::kDamaged:
        return AskAgain(out);
      case State::kCommand:
        if (settling_) return Settled(out);
        if (tries_ < kTries) return SayCommand(out);
        state_ = State::kIdle;
        return Await(kPause, out);
      case State::kAcquire:
        if (external_ || tries_ < kTries) return SayAcquire(out);
        due_ = true;
        return SetUp(out);
      case State::kIdle:
        if (!ready_) SetUp(out);
    }
  }

  // --- spectra

  ocean::Fault Silent() const {
    if (frame_->lacks_only_checksum()) return {v1::PROBLEM_TYPE_MISSING, frame_->size(), kNoChecksum, true};
    return {v1::PROBLEM_TYPE_INTERRUPTED, frame_->size(), absl::StrCat("the line fell silent ", frame_->Progress()),
            false};
  }

  void BeginSpectrum(unsigned char byte, Events& out) {
    out.push_back(Begin{});
    between_ = state_;
    asked_ = state_ == State::kAcquire;
    repeats_ = 0;
    swallowed_ = 0;
    BeginFrame(byte, out);
  }

  void BeginFrame(unsigned char byte, Events& out) {
    frame_.emplace(setup_.layout());
    frame_at_ = here_ - 1;
    Await(idle_, out);
    TakeSpectrum(byte, out);
  }

  void TakeSpectrum(unsigned char byte, Events& out) {
    const FrameReader::Step step = frame_->Take(byte);
    const bool begins_wrong = frame_->size() <= 2 && !frame_->starts_right();
    if (!asked_ && (begins_wrong || step == FrameReader::Step::kUnreadable)) return Disown(out);
    if (step == FrameReader::Step::kMore) return;
    fault_ = frame_->fault();
    if (step == FrameReader::Step::kUnreadable) {  // where it ends, only silence tells
      frame_.reset();
      damaged_.reset();
      asked_again_ = false;
      return AwaitSpectrum(out);
    }
    const std::string difference = setup_.Disagreement(frame_->header());
    if (!fault_ && !difference.empty()) fault_ = {v1::PROBLEM_TYPE_INCONSISTENT, 0, difference, true};
    if (fault_ || line_errors_) return AskAgain(out);
    End end;
    end.repaired = repeats_ > 0;
    Describe(*frame_, end.report);
    out.push_back(std::move(end));
    frame_.reset();
    complaints_.clear();
    GoOn(out);
  }

  // It only looked like one.
  void Disown(Events& out) {
    End end;
    AddProblem(end.report, v1::PROBLEM_TYPE_NOISE, frame_at_,
               absl::StrCat(frame_->size(), " bytes outside any report"));
    out.push_back(std::move(end));
    frame_.reset();
    GoOn(out);
  }

  // Back to what the spectrum came between, or to the next one.
  void GoOn(Events& out) {
    state_ = between_;
    if (state_ == State::kCommand || state_ == State::kVariable) return Await(idle_, out);
    if (ready_) return Rest(out);
    state_ = State::kIdle;
    Await(kSettle, out);
  }

  void AwaitSpectrum(Events& out) {
    state_ = State::kDamaged;
    acknowledged_ = false;
    Await(idle_, out);
  }

  // The spectrum is damaged: once more, or the report says so.
  void AskAgain(Events& out) {
    if (frame_ && (!fault_ || fault_->in_place)) {
      damaged_ = std::move(frame_);
    } else if (frame_) {
      damaged_.reset();
    }
    frame_.reset();
    if (!ready_ || ++repeats_ == kTries) return GiveUp(out);
    asked_ = asked_again_ = true;
    Say(ocean::Encode("O", {1}), out);
    AwaitSpectrum(out);
  }

  void TakeAfterDamage(unsigned char byte, bool after_stx, Events& out) {
    if (acknowledged_ && (after_stx || byte == 0xFF)) return BeginFrame(byte, out);
    if (after_stx && byte == 0xFF) {  // another one: nothing says that it is the same again
      EndDamaged(End::kBefore, out);
      return BeginSpectrum(byte, out);
    }
    if (byte == kNak && asked_again_ && !acknowledged_) return GiveUp(out);
    after_stx_ = byte == kStx;
    acknowledged_ |= byte == kAck && asked_again_;
    if (++swallowed_ == kMostSwallowed) GiveUp(out);
  }

  void GiveUp(Events& out) {
    EndDamaged(End::kThrough, out);
    GoOn(out);
  }

  // Whatever the device was told before, it is told again once the line is silent.
  void EndDamaged(End::Where where, Events& out) {
    ready_ = false;
    state_ = State::kIdle;
    End end;
    end.where = where;
    if (fault_) AddProblem(end.report, fault_->type, frame_at_ + fault_->at, fault_->message);
    if (damaged_) Describe(*damaged_, end.report);
    damaged_.reset();
    fault_.reset();
    out.push_back(std::move(end));
  }

  void Describe(const FrameReader& frame, v1::Report& report) const {
    v1::Analysis* analysis = report.add_analyses();
    analysis->set_technique(kind_.technique);
    v1::Spectrum* spectrum = analysis->add_spectra();
    spectrum->set_kind(kind_.spectrum);
    spectrum->set_y_unit("counts");
    spectrum->set_points(frame.counts().size());
    spectrum->set_integration_time(absl::StrCat(frame.header().integration_time));
    if (frame.header().scans) spectrum->set_scans(absl::StrCat(*frame.header().scans));
    const std::vector<double> polynomial = setup_.Wavelengths();
    spectrum->set_x_unit(polynomial.empty() ? "pixel" : "nm");
    for (const int pixel : frame.PixelNumbers()) {
      double x = polynomial.empty() ? pixel : 0;
      for (std::size_t i = polynomial.size(); i-- > 0;) x = x * pixel + polynomial[i];
      spectrum->add_x(x);
    }
    for (const uint32_t count : frame.counts()) spectrum->add_y(count);
  }

  const absl::Duration interval_, idle_;
  const bool external_;  // trigger
  const Kind kind_;

  State state_ = State::kIdle;
  ocean::Setup setup_;
  bool ready_ = false;     // set up
  bool due_ = false;       // a spectrum, by schedule or order
  int tries_ = 0;          // of the command at hand
  bool settling_ = false;  // it was refused
  std::string variable_;
  std::size_t stray_ = 0;  // characters that may yet follow an ACK nobody waited for
  bool after_stx_ = false;
  std::set<std::string> complaints_;

  std::optional<FrameReader> frame_;  // the one that is coming in
  uint64_t frame_at_ = 0;
  bool line_errors_ = false;            // in it
  State between_ = State::kIdle;        // what it came between
  bool asked_ = false;                  // it was waited for
  std::optional<ocean::Fault> fault_;   // of the last one
  std::optional<FrameReader> damaged_;  // the last one, where its pixels are in place
  int repeats_ = 0;                     // times it was asked for again
  bool asked_again_ = false, acknowledged_ = false;
  std::size_t swallowed_ = 0;

  uint64_t here_ = 0;  // after what is at hand
  uint64_t armed_at_ = 0;
};

constexpr OrderSpec kOrders[] = {{"acquire", "measure a spectrum, now or as soon as the one at hand is done"}};

Scan ScanByte(absl::string_view, std::size_t) { return {Scan::kFrame, 1}; }

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<OceanOptics>(options); }

}  // namespace

extern const Driver ocean_optics_driver;
const Driver ocean_optics_driver = {
    .name = "ocean_optics",
    .title = "Ocean Optics / Ocean Insight spectrometers on RS-232: USB2000+, USB4000, Flame, S2000",
    .version = "1",
    .line = {},
    .scan = ScanByte,
    .max_frame = 1,
    .max_report = kMostReport,
    .options = ocean::kOptions,
    .orders = kOrders,
    .make = Make,
};

}  // namespace dims
