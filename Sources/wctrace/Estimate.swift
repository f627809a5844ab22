import ArgumentParser
import Dispatch
import Foundation
import Synchronization
import Trace
import WorldCache
import WorldModel

/// `wctrace estimate`: the final error of policies, from features instead of distances, with the model's feedback.
struct Estimate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Estimate the final error of policies on recordings, with the model's feedback.",
    discussion: """
      'direct' is what replay calls by that name, also for policies that predict inside the network of the bundled \
      model: their predictions pass through its last layer. With --feedback, of 'wctrace feedback', the recorded \
      rollout is run again with the policy in it, and the network answers to the changed latent to first order: \
      'with feedback' is the final error, and 'computed' counts the decisions, that this leads to. Neither runs the \
      network; what really happens is told by 'wctrace live'.
      """)

  @OptionGroup var input: TracesInput

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache or taylor:interval=4,order=1|2; repeat for several.")
  var policy: [String]

  @Option(help: "A feedback file that 'wctrace feedback' made for this model.")
  var feedback: String?

  @Option(parsing: .unconditional, help: "Estimates made at a time; all cores when left out.")
  var jobs: Int?

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    guard !policy.isEmpty else { throw ValidationError("name a policy with --policy") }
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
  }

  mutating func run() throws {
    let traces = try input.paths()
    let plans = try PolicySweep.plans(policy, limit: max(1, 10_000 / traces.count))
    let feedback = try self.feedback.map { try Feedback(path: $0) }
    var table = Table(
      columns: (traces.count > 1 ? [.init("trace", key: "trace")] : []) + [
        .init("computed", key: "computed_calls"), .init("of", key: "calls"),
        .init("direct", key: "direct_error"),
      ]
        + (feedback == nil
          ? []
          : [
            .init("computed*", key: "feedback_computed_calls"),
            .init("with feedback", key: "feedback_error"),
          ]) + [.init("policy (estimate)", key: "policy")])
    let bar = Progress(total: traces.count * plans.count, unit: "estimates")
    let done = Mutex(0)
    for trace in traces {
      let reader = try TraceReader(path: trace)
      let head = OutputHead.bundled(for: reader.header)
      let plain = try EchoedRollout(reader, feedback: nil, head: head)
      let echoed = try feedback.map { try EchoedRollout(reader, feedback: $0, head: head) }
      let rows = try Estimate.each(plans, jobs: jobs) { plan in
        let direct = try plain.run(plan)
        let full = try echoed?.run(plan)
        bar.update(
          done.withLock {
            $0 += 1
            return $0
          })
        return (direct, full)
      }
      for (plan, (direct, full)) in zip(plans, rows) {
        var row: [Table.Cell] = traces.count > 1 ? [.text(trace)] : []
        row += [
          .integer(direct.streams.reduce(0) { $0 + $1.computedCount }),
          .integer(direct.streams.reduce(0) { $0 + $1.decisionCount }),
          .number(direct.relativeError, decimals: 4),
        ]
        if let full {
          row += [
            .integer(full.streams.reduce(0) { $0 + $1.computedCount }),
            .number(full.relativeError, decimals: 4),
          ]
        }
        table.append(row + [.text(plan.spec.description)])
      }
    }
    if feedback != nil {
      Terminal.remark("computed*: decisions taken on the estimated rollout; 'computed' are those of the recorded one")
    }
    try Terminal.show(table.formatted(output.format))
  }

  /// Makes something for every plan on several cores; throws the first error in their order.
  private static func each<Row: Sendable>(
    _ plans: [PolicyPlan], jobs: Int?, _ make: @Sendable (PolicyPlan) throws -> Row
  ) throws -> [Row] {
    let rows = Mutex([Result<Row, any Error>?](repeating: nil, count: plans.count))
    let next = Mutex(0)
    let workers = min(jobs ?? ProcessInfo.processInfo.activeProcessorCount, plans.count)
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      while true {
        let place = next.withLock { place -> Int in
          place += 1
          return place - 1
        }
        guard place < plans.count else { return }
        let row = Result { try make(plans[place]) }
        rows.withLock { $0[place] = row }
      }
    }
    return try rows.withLock { try $0.map { try $0!.get() } }
  }
}

extension OutputHead {
  /// The end of the bundled model for a recording of it; nil for recordings of other models.
  static func bundled(for header: TraceHeader) -> EchoedRollout.Head? {
    guard let weights = try? Weights.bundled(), let head = OutputHead(weights, header: header) else {
      return nil
    }
    return { head.output(of: $0, $1) }
  }
}
