import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("What every policy keeps")
struct PolicyContractTests {
  /// Every entry with its defaults, and settings that take other paths.
  static let specs: [String] =
    PolicyRegistry.entries.map { entry in
      PolicySpec(name: entry.name, settings: required(entry)).description
    } + [
      "interval:every=4,phase=up", "taylor:order=1,interval=4,first-enhance=2", "taylor:order=4,interval=3",
      "taylor:variant=diffusers,site=output", "taylor:variant=author-dit,interval=3",
      "meancache:list=z-image-20", "meancache:list=own,computed=0+1+5,orders=1+4",
      "foca:normalise-gap=on,site=output",
      "spectrum:rounding=bf16,flex=3,site=output",
      "freqca:transform=fourier,fraction=0.5,interval=3,site=output",
      "freqca:weights=taylor,low-order=1,interval=2", "dmd:interval=2,site=output",
      "fastercache:below=1000,every=3",
      "smoothcache:alpha=0.6,lookahead=5,site=output", "smoothcache:alpha=1000,site=rest.2.1",
      "hicache:weights=analytic,order=2", "hicache:weights=scaled,site=output,interval=3",
      "worldcache:variant=lingbot,warmup=3", "worldcache:variant=aether,warmup=4,coupling=separate",
      "worldcache:criterion=speed,quantiles=modality,groups=damped+linear+hold",
      "worldcache:criterion=acceleration,quantiles=modality+branch,groups=linear+hold+linear,warmup=3",
      "worldcache:n-max=2,eta=0.2,warmup=0", "worldcache:eta=0.5,normalisation=paper", "worldcache:eta=0",
      "ideal:calls=7,predictor=taylor,order=2,objective=additive", "ideal:calls=9,predictor=damped",
      "ideal:calls=9,predictor=worldcache,n-max=4", "mask:calls=0+1+2+6,predictor=worldcache",
      "scm:mask=ultra,predictor=taylor,order=2,site=rest.1", "teacache:threshold=2",
      "teacache:model=wan2.1-t2v-14b,threshold=500", "teacache:model=wan2.1-t2v-1.3b-ret",
      "teacache:model=hidream,threshold=1000000", "teacache:model=qwen-image,threshold=100",
      "magcache:family=diffusers", "magcache:family=hunyuan", "magcache:family=framepack",
      "magcache:family=omnigen2", "magcache:family=wan", "magcache:family=wan2.2-i2v", "magcache:family=qwen",
      "easycache:warmup=2,threshold=2", "easycache:model=hunyuan,threshold=1",
      "first-block:variant=diffusers,threshold=1",
      "first-block:branches=separate,threshold=1,order=2,warmup=3",
      "dbcache:fn=1,warmup=2,threshold=0.9,max-continuous=2,branches=separate",
      "dbcache:fn=2,bn=2,warmup=1,threshold=1,max-continuous=3,counter=sticky,branches=lead",
      "dbcache:fn=3,warmup=3,threshold=0.9,budget=3,predictor=taylor,order=2,lag=1",
      "dbcache:fn=4,mask=medium,mask-policy=static", "dbcache:fn=2,warmup=3,threshold=1,predictor=foca",
      "dbcache:fn=2,warmup=5,threshold=1,max-continuous=1,predictor=dmd,branches=separate",
      "speca:order=1,longest=3,base=0.5,site=output", "pab:every=3,above=0,below=950,site=output",
      "seacache:model=diffusers,threshold=4", "dicache:variant=flux-minus,threshold=3",
      "dicache:variant=hunyuan,threshold=5,depth=2", "dicache:variant=wan,threshold=5", "dicache:threshold=4",
      "seacache:threshold=4", "seacache:model=wan,threshold=4", "sencache:scale=10",
      "sencache:model=ltx,jz=2+3,jt=0.001+0.002,times=100+900,scale=10", "adacache:codebook=30-fast",
      "bwcache:threshold=10", "ideal:calls=7,predictor=hermite,order=2,sigma=0.7",
      "ideal:calls=9,predictor=worldcache,groups=linear+hold+damped,criterion=speed,quantiles=branch",
    ]

  // What has no default: numbers of calls that the streams below can hold, and files of that policy's name.
  private static func required(_ entry: PolicyEntry) -> [PolicySpec.Setting] {
    entry.parameters.filter { $0.defaultValue == nil && $0.condition == nil }.map { parameter in
      if case .text = parameter.kind { return .init(parameter.key, Fixture.argument(of: entry.name)) }
      return .init(parameter.key, "8")
    }
  }

  private static let family = Synthetic(.smooth, seed: 11, branches: 2, calls: 17, tokens: 5)

  private func policy(_ spec: String, _ synthetic: Synthetic = family) throws -> any Policy {
    try synthetic.policy(for: PolicyRegistry.plan(spec))
  }

  @Test("its spelling reads back to itself", arguments: specs)
  func roundTrip(spec: String) throws {
    let plan = try PolicyRegistry.plan(spec)
    #expect(try PolicyRegistry.plan(plan.spec.description).spec == plan.spec)
    let policy = try policy(spec)
    let again = try self.policy(policy.spec.description)
    #expect(again.spec == policy.spec)
    #expect(policy.spec.name == plan.entry.name)
  }

  @Test("the first call is computed, and predicted calls follow from computed ones only", arguments: specs)
  func neverTooEarly(spec: String) throws {
    for (seed, family) in zip(UInt64(1)..., Synthetic.Family.allCases) {
      for calls in [9, 17] {
        let synthetic = Synthetic(family, seed: seed, branches: 2, calls: calls, tokens: 4)
        let plan = try PolicyRegistry.plan(spec)
        let geometry = try synthetic.geometry(for: plan)
        var lanes = Lane.lanes(of: try synthetic.policy(for: plan), over: geometry)
        let isEither = lanes[0].policy.coupling == .either
        for lane in lanes.indices { lanes[lane].begin(0..<calls) }
        for position in 0..<calls {
          let comment = Comment(rawValue: "\(family), seed \(seed), call \(position) of \(calls)")
          let step = lanes.indices.map { lanes[$0].decide(at: position) }
          let isForced = isEither && step.contains { $0.action == .compute }
          for (lane, decision) in step.enumerated() where isForced || decision.action == .compute {
            for branch in lanes[lane].covered {
              for other in lanes.indices { lanes[other].signals.isComputed[branch][position] = true }
            }
          }
          for (lane, decision) in step.enumerated() {
            if isForced || decision.action == .compute {
              lanes[lane].computed(at: position)
              continue
            }
            #expect(position > 0, comment)
            let prediction = lanes[lane].prediction(at: position)
            let isComputed = lanes[lane].signals.isComputed
            if let predictor = lanes[lane].policy.predictor {
              let seen = isComputed[lanes[lane].covered.lowerBound].count { $0 }
              #expect(seen >= predictor.minimumAnchorCount, comment)
            }
            let tokens = geometry.tokenCount * lanes[lane].signals.branches.count
            #expect(
              prediction.groups.map { $0.indices.count == tokens } ?? (prediction.combinations.count == 1),
              comment)
            for combination in prediction.combinations {
              for term in combination.terms {
                for branch in lanes[lane].covered {
                  #expect(isComputed[term.component.branch ?? branch][term.position], comment)
                }
              }
            }
          }
        }
      }
    }
  }

  @Test("predictors that keep to the newest calls reproduce a constant", arguments: specs)
  func constants(spec: String) throws {
    let still = Synthetic(.still, seed: 3, branches: 2, calls: 17, tokens: 5)
    let plan = try PolicyRegistry.plan(spec)
    guard try plan.predictor() != nil else { return }
    let replay = try StreamReplay(spec, still)
    #expect(replay.callErrors.joined().allSatisfy { $0 < 1e-6 }, "\(replay.picture(lane: 0))")
  }

  @Test("computed calls have no error; errors are finite", arguments: specs)
  func zeroAtComputed(spec: String) throws {
    for (seed, family) in zip(UInt64(21)..., Synthetic.Family.allCases) {
      let synthetic = Synthetic(family, seed: seed, branches: 2, calls: 14, tokens: 4)
      let replay = try StreamReplay(spec, synthetic)
      let comment = Comment(rawValue: "\(family), seed \(seed), \(replay.picture(lane: 0))")
      #expect(replay.lanes.allSatisfy { $0.count == 14 }, comment)
      #expect(replay.callErrors.joined().allSatisfy { $0.isFinite && $0 >= 0 }, comment)
      var predicted = 0
      for (branch, errors) in replay.callErrors.enumerated() {
        let decisions = replay.lanes[replay.lanes.count == 1 ? 0 : branch]
        for (error, decision) in zip(errors, decisions) {
          if decision.action == .compute { #expect(error == 0, comment) } else { predicted += 1 }
        }
      }
      #expect(replay.growth.reduce(0) { $0 + $1.count } == predicted, comment)
    }
  }

  @Test(
    "the finer figures agree with the plain ones, and trying predictions changes nothing", arguments: specs)
  func details(spec: String) throws {
    for (seed, family) in zip(UInt64(41)..., [Synthetic.Family.smooth, .random, .still]) {
      let synthetic = Synthetic(family, seed: seed, branches: 2, calls: 17, tokens: 5)
      let plan = try PolicyRegistry.plan(spec)
      let geometry = try synthetic.geometry(for: plan)
      let plain = StreamReplay(try synthetic.policy(for: plan), over: geometry)
      let fine = StreamReplay(try synthetic.policy(for: plan), over: geometry, figures: .details)
      let comment = Comment(rawValue: "\(family), seed \(seed), \(plain.picture(lane: 0))")
      expectEqual(fine, plain, comment)
      let details = try #require(fine.details)
      for (branch, errors) in plain.callErrors.enumerated() {
        for (position, error) in errors.enumerated() {
          // Slack: the same sums in another order.
          expectClose(
            details.calls[0][branch][position]?.error ?? 0, error, relative: 1e-9, absolute: 1e-12,
            "\(comment), call \(position)")
        }
      }
      for (lane, attempts) in details.attemptErrors.enumerated() {
        for (position, error) in attempts.enumerated() where error != nil {
          #expect(fine.lanes[lane][position].action == .compute && error! >= 0, comment)
        }
      }
    }
  }

  private func expectEqual(_ a: StreamReplay, _ b: StreamReplay, _ comment: Comment) {
    // As text, since a signal of 0 over 0 is not equal to itself.
    #expect("\(a.lanes)" == "\(b.lanes)", comment)
    #expect(a.callErrors == b.callErrors, comment)
    #expect(a.worstTokenErrors == b.worstTokenErrors, comment)
    #expect(a.tokenSquaredErrors == b.tokenSquaredErrors, comment)
    // Sums token by token and sums over groups are the same but for the order of additions.
    for (a, b) in [
      (a.directSquaredError, b.directSquaredError), (a.streakSquaredError, b.streakSquaredError),
    ] {
      #expect((a == nil) == (b == nil), comment)
      if let a, let b { expectClose(a, b, relative: 1e-9, absolute: 1e-12, comment) }
    }
    #expect(a.growth.map(\.squares) == b.growth.map(\.squares), comment)
    #expect(a.growth.map(\.count) == b.growth.map(\.count), comment)
  }

  @Test("two replays are equal bit by bit", arguments: specs)
  func repeatable(spec: String) throws {
    let plan = try PolicyRegistry.plan(spec)
    let geometry = try PolicyContractTests.family.geometry(for: plan)
    func replay() throws -> StreamReplay { StreamReplay(try plan.policy(for: geometry), over: geometry) }
    expectEqual(try replay(), try replay(), "run twice")
  }

  @Test("begin forgets everything, also after a stream that broke off", arguments: specs)
  func beginResets(spec: String) throws {
    let synthetic = PolicyContractTests.family
    let plan = try PolicyRegistry.plan(spec)
    let geometry = try synthetic.geometry(for: plan)
    let fresh = StreamReplay(try policy(spec), over: geometry)
    let other = try Synthetic(.random, seed: 31, branches: 2, calls: 17, tokens: 5).geometry(for: plan)
    for length in [1, 6, 8, 12, 17] {
      var used = Lane.lanes(of: try policy(spec), over: other)[0]
      used.begin(0..<17)
      for position in 0..<length {
        switch used.decide(at: position).action {
        case .compute:
          for branch in 0..<other.branchCount { used.signals.isComputed[branch][position] = true }
          used.computed(at: position)
        case .predict: _ = used.prediction(at: position)
        }
      }
      expectEqual(
        StreamReplay(used.policy, over: geometry), fresh, "after \(length) calls of another stream")
    }
  }

  @Test("every entry says what it is, where it comes from and what its parameters mean")
  func described() throws {
    #expect(Set(PolicyRegistry.entries.map(\.name)).count == PolicyRegistry.entries.count)
    for entry in PolicyRegistry.entries {
      #expect(!entry.summary.isEmpty && !entry.source.isEmpty, "\(entry.name)")
      #expect(Set(entry.parameters.map(\.key)).count == entry.parameters.count, "\(entry.name)")
      for parameter in entry.parameters {
        #expect(!parameter.help.isEmpty && !parameter.allowed.isEmpty, "\(entry.name): \(parameter.key)")
        guard let value = parameter.defaultValue else { continue }
        // Defaults are canonical: a policy of which only the necessary is written shows them as declared.
        var written = PolicySpec(name: entry.name, settings: PolicyContractTests.required(entry))
        if let condition = parameter.condition {
          written.settings.append(.init(condition.key, condition.choices[0]))
        }
        let settings = try PolicyRegistry.plan(written).spec.settings
        if parameter.isQuiet {
          #expect(!settings.contains { $0.key == parameter.key }, "\(entry.name): \(parameter.key)")
          written.settings.append(.init(parameter.key, value))
          #expect(try PolicyRegistry.plan(written).spec.settings == settings)
        } else {
          #expect(settings.contains(.init(parameter.key, value)), "\(entry.name): \(parameter.key)")
        }
      }
    }
  }

  @Test("every policy's file is registered and has its tests")
  func files() throws {
    let here = URL(filePath: #filePath).deletingLastPathComponent()
    let folder = here.appending(path: "../../Sources/WorldCache/Policies").standardizedFileURL
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .map { String($0.dropLast(".swift".count)) }
    let registry = try String(contentsOf: folder.appending(path: "../PolicyRegistry.swift"), encoding: .utf8)
    #expect(names.count == PolicyRegistry.entries.count, "\(names)")
    for name in names {
      #expect(registry.contains("    \(name).entry,\n"), "\(name) is not in PolicyRegistry.entries")
      let tests = here.appending(path: "\(name)Tests.swift").path
      #expect(FileManager.default.fileExists(atPath: tests), "\(name)Tests.swift is missing")
    }
  }
}
