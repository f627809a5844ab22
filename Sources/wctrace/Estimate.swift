import ArgumentParser
import Foundation
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
      'with feedback' is the final error, and 'computed*' counts the decisions, that this leads to. 'unrest' says how far \
      the one-step estimate of the final latent is from it on the way, as a part of its size; where that is more than a \
      thousandth above that of every rollout that was fitted, 'fit' says beyond, and the estimate is not to be relied on. Neither runs the \
      network; what really happens is told by 'wctrace live'. A policy that cannot run on a trace is named on standard \
      error. Exit codes: 0 done, 3 done but some cannot run, 1 failed, as when none can.
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
    // Recordings of other models do without.
    let weights = try? Weights.bundled()
    var table = Table(
      columns: (traces.count > 1 ? [.init("trace", key: "trace")] : []) + [
        .init("computed", key: "computed_calls"), .init("of", key: "calls"),
        .init("direct", key: "direct_error"),
      ]
        + (feedback == nil
          ? []
          : [
            .init("computed*", key: "feedback_computed_calls"),
            .init("with feedback", key: "feedback_error"), .init("unrest", key: "unrest"),
            .init("fit", key: "fit_range"),
          ]) + [.init("policy (estimate)", key: "policy")])
    let bar = Progress(total: traces.count * plans.count, unit: "estimates")
    var doneCount = 0
    var elsewhere = ElsewhereRemarks()
    var misfits: [Misfit] = []
    var beyond: [(trace: String, unrest: Double)] = []
    for trace in traces {
      let reader = try TraceReader(path: trace)
      let echo: EchoedRollout
      do {
        echo = try EchoedRollout(
          reader, feedback: feedback, ends: weights.flatMap { EchoedRollout.Ends($0, for: reader.header) })
      } catch {
        // What does not suit the feedback does not take the other traces with it.
        let own = plans.compactMap { Misfit(error, $0.spec, on: trace) }
        guard own.count == plans.count else { throw error }
        misfits += own
        doneCount += plans.count
        bar.update(doneCount)
        continue
      }
      if echo.isBeyondFit == true { beyond.append((trace, echo.unrest)) }
      let rows = try OrderedJobs.run(
        plans.count, workerCount: jobs ?? Cores.count,
        finished: { [doneCount] in bar.update(doneCount + $0) }
      ) { [feedback] place -> Estimates in
        do {
          let direct = try echo.run(plans[place], withFeedback: false)
          return .made(direct: direct, full: feedback == nil ? nil : try echo.run(plans[place]))
        } catch {
          guard let misfit = Misfit(error, plans[place].spec, on: trace) else { throw error }
          return .misfit(misfit)
        }
      }
      doneCount += plans.count
      for (plan, estimates) in zip(plans, rows) {
        guard case .made(let direct, let full) = estimates else {
          if case .misfit(let misfit) = estimates { misfits.append(misfit) }
          continue
        }
        elsewhere.add(direct.remarks, plan.spec, trace: trace)
        var row: [Table.Cell] = traces.count > 1 ? [.text(trace)] : []
        row += [
          .integer(direct.streams.reduce(0) { $0 + $1.computedCount }),
          .integer(direct.streams.reduce(0) { $0 + $1.decisionCount }),
          .number(direct.relativeError, decimals: 4),
        ]
        if let full {
          row += [
            .integer(full.streams.reduce(0) { $0 + $1.computedCount }),
            .number(full.relativeError, decimals: 4), .number(echo.unrest, decimals: 3),
            echo.isBeyondFit.map { .text(FitRange(isBeyond: $0).rawValue) } ?? .none,
          ]
        }
        table.append(row + [.text(plan.spec.description)])
      }
    }
    try Misfit.check(misfits, of: traces.count * plans.count, traceCount: traces.count)
    Terminal.tell(elsewhere)
    if feedback != nil {
      Terminal.remark(
        "computed*: decisions taken on the rollout with feedback; 'computed': on the one without")
    }
    if let feedback {
      for (trace, unrest) in beyond {
        Terminal.remark(
          "\(trace): beyond the fit: its unrest is \(Table.decimal(unrest, 3)), and that of the rollouts the feedback was "
            + "fitted on \(feedback.unrestRange); do not rely on 'with feedback' there")
      }
    }
    try Terminal.show(table.formatted(output.format))
    Misfit.sentences(misfits).forEach(Terminal.remark)
    if !misfits.isEmpty { throw ExitCode(3) }
  }

  private enum Estimates: Sendable {
    case made(direct: EchoedRollout.Result, full: EchoedRollout.Result?)
    case misfit(Misfit)
  }
}
