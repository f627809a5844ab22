import Dispatch
import Foundation
import Synchronization
import Trace

/// Says what is kept of a recording when it is interrupted (Ctrl-C, or `kill`), and then lets the signal end the
/// program, as whoever sent it expects.
///
/// Nothing has to be saved at that moment: the journal holds every call whose recording was done.
struct Interruption {
  /// Where a recording has got to.
  private final class Place: Sendable {
    struct State: Sendable {
      var finishedCount = 0
      var rolloutCount: Int
      /// The trace that is being recorded.
      var path = ""
      var writer: TraceWriter?
    }

    let state: Mutex<State>
    init(_ state: State) { self.state = Mutex(state) }

    func sentence(ofCalls planned: Int) -> String {
      let state = state.withLock { $0 }
      let traces =
        state.rolloutCount == 1
        ? "" : "\(state.finishedCount) of \(state.rolloutCount) traces are finished, and "
      let goesOn = "the same command with --resume goes on"
      let callCount = state.writer?.recordedCallCount ?? 0
      guard callCount > 0 else {
        return "interrupted: \(traces)no call of \(state.path) was recorded yet; \(goesOn)"
      }
      let journal = state.path + TraceFormat.journalSuffix
      return "interrupted: \(traces)\(journal) holds \(callCount) of \(planned) calls; \(goesOn), and "
        + "'wctrace recover \(journal)' makes a trace of these calls"
    }
  }

  private let place: Place
  // By signal.
  private let sources: [Int32: any DispatchSourceSignal]

  /// From now on signals are told of.
  init(rolloutCount: Int, callCount: Int) {
    let place = Place(Place.State(rolloutCount: rolloutCount))
    self.place = place
    let queue = DispatchQueue(label: "interruption")
    var sources: [Int32: any DispatchSourceSignal] = [:]
    for number in [SIGINT, SIGTERM] {
      // What whoever started the program wants to be ignored stays ignored.
      var before = sigaction()
      guard unsafe sigaction(number, nil, &before) == 0,
        unsafe unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self)
          == unsafeBitCast(SIG_DFL, to: Int.self)
      else { continue }
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        let line = isatty(STDERR_FILENO) == 1 ? "\n" : ""
        Terminal.remark(line + place.sentence(ofCalls: callCount))
        Interruption.die(of: number)
      }
      source.resume()
      sources[number] = source
    }
    self.sources = sources
  }

  // Also where whoever started the program blocks the signal.
  private static func die(of number: Int32) {
    signal(number, SIG_DFL)
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    raise(number)
  }

  /// A rollout begins.
  func begins(_ path: String, _ writer: TraceWriter) {
    place.state.withLock { ($0.path, $0.writer) = (path, writer) }
  }

  /// It has become a trace.
  func finished() {
    place.state.withLock {
      $0.finishedCount += 1
      $0.writer = nil
    }
  }

  /// Signals end the program again as if it had never listened.
  func end() {
    for (number, source) in sources {
      source.cancel()
      signal(number, SIG_DFL)
    }
  }
}
