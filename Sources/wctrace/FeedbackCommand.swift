import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace feedback`: how a model answers to a changed latent, fitted once per model.
struct FeedbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feedback",
    abstract: "Fit how a model answers to a changed latent, from cached or disturbed rollouts.",
    discussion: """
      After a skipped call the latent is another one, and the network answers to that. A few rollouts of the same \
      start, cached ones recorded by 'wctrace live --record' or others whose latents differ, say how, to first order: \
      per call, modality and class of tokens one matrix of channels by channels. 'wctrace estimate --feedback' then \
      tells the final error of any policy on any recording of that model, step count and guidance, without the model. \
      Rollouts belong together by their seeds of scene and noise; the first chunk of each is used. The column \
      'unexplained' is the part of the squared change of the output that the matrices leave open; n/a where no disturbed \
      rollout computed the call with another latent, so that the matrices of the nearest call are taken.
      """)

  @Option(
    name: .long, parsing: .upToNextOption, help: "Uncached recordings (.h5), or folders of them.")
  var uncached: [String]

  @Option(
    name: .long, parsing: .upToNextOption,
    help: "Recordings of the same starts whose latents differ, or folders of them.")
  var disturbed: [String]

  @Option(name: .shortAndLong, help: "The feedback file to write (.safetensors).")
  var output: String

  @Option(parsing: .unconditional, help: "Classes of unrest of the tokens in each modality.")
  var classes = FeedbackFit.defaultClassCount

  @Option(
    help:
      "Boundaries between classes of size: a token's change over that of all tokens, root mean squares; none for one class."
  )
  var sizes = FeedbackFit.defaultSizeBoundaries.map { "\($0)" }.joined(separator: ",")

  @Option(
    parsing: .unconditional,
    help: "Ridge towards one number per matrix, relative: more trusts the fitted rollouts' directions less.")
  var ridge = FeedbackFit.defaultRidge

  @Flag(help: "Replace the file if it exists.")
  var force = false

  @OptionGroup var results: FormatOption

  private var sizeBoundaries: [Double] {
    get throws {
      if sizes == "none" { return [] }
      let numbers = try NumberList.read(sizes, of: "--sizes", allowed: "none or ascending numbers above 0") {
        Double($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
      }
      guard numbers == Set(numbers).sorted() else {
        throw ValidationError(
          "--sizes is \(sizes); it takes none or ascending numbers above 0 joined by commas")
      }
      return numbers
    }
  }

  mutating func validate() throws {
    _ = try sizeBoundaries
    guard !uncached.isEmpty, !disturbed.isEmpty else {
      throw ValidationError("name recordings after --uncached and after --disturbed")
    }
    guard (1...64).contains(classes) else {
      throw ValidationError("--classes is \(classes); it must be from 1 to 64")
    }
    guard ridge > 0, ridge <= 1e6 else {
      throw ValidationError("--ridge is \(ridge); it must be above 0 and at most 1e6")
    }
  }

  mutating func run() throws {
    try Terminal.checkTarget(output, force: force)
    let references = try TracesInput.paths(uncached).map { try TraceReader(path: $0) }
    let others = try TracesInput.paths(disturbed)
    var bySeeds: [[Int]: [String]] = [:]
    for path in others {
      let header = try TraceReader(path: path).header
      bySeeds[[header.sceneSeed, header.noiseSeed], default: []].append(path)
    }
    let pairs = references.map { ($0, bySeeds[[$0.header.sceneSeed, $0.header.noiseSeed]] ?? []) }
    let alone = pairs.filter { $0.1.isEmpty }.map(\.0.path)
    if !alone.isEmpty {
      Terminal.remark("no disturbed rollout of the same seeds: \(alone.joined(separator: ", "))")
    }
    let known = Set(references.map { [$0.header.sceneSeed, $0.header.noiseSeed] })
    let passedOver = bySeeds.filter { !known.contains($0.key) }.flatMap(\.value).sorted()
    if !passedOver.isEmpty {
      Terminal.remark("no uncached rollout of the same seeds: \(passedOver.joined(separator: ", "))")
    }
    let used = pairs.filter { !$0.1.isEmpty }
    guard !used.isEmpty else { throw PolicyError("no two recordings have the same seeds of scene and noise") }
    var fit = FeedbackFit(classCount: classes, sizeBoundaries: try sizeBoundaries, ridge: ridge)
    try fit.begin(used.map(\.0))
    let bar = Progress(total: used.reduce(0) { $0 + $1.1.count }, unit: "rollouts")
    for (reference, paths) in used {
      for path in paths {
        try fit.add(uncached: reference, disturbed: [try TraceReader(path: path)])
        bar.update(fit.pairCount)
      }
    }
    let feedback = try fit.feedback()
    try feedback.write(to: output)
    Terminal.remark(
      "\(output): \(fit.pairCount) disturbed rollouts, \(fit.callCount) of their calls with another latent; unrest "
        + feedback.unrestRange
    )
    var table = Table(columns: [
      .init("call", key: "position"), .init("noise", key: "sigma"), .init("unexplained", key: "unexplained"),
    ])
    for (position, sigma) in feedback.scope.sigmas.enumerated() {
      table.append([
        .integer(position), .number(sigma, decimals: 4),
        feedback.unexplained[position].map { .number($0, decimals: 3) } ?? .none,
      ])
    }
    try Terminal.show(table.formatted(results.format))
  }
}
