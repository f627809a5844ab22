import ArgumentParser
import Trace

/// Which rollouts of the bundled model a command makes.
struct SceneOptions: ParsableArguments {
  @Option(
    name: [.customLong("scene"), .customLong("scenes")],
    help: "Seeds of scenes, such as 7 or 1000000..1000007; from 1000000 on the model has not seen them.")
  var scenes = IndexList("1000000")!

  @Option(help: "Seeds of the initial noise; every scene is taken with each.")
  var noise = IndexList("0")!

  @Option(help: "Chunks, each continuing the last frames of the one before.")
  var chunks = 1

  mutating func validate() throws {
    guard (1...64).contains(chunks) else {
      throw ValidationError("--chunks is \(chunks); it must be from 1 to 64")
    }
  }

  /// Refuses more rollouts than a command makes at a time.
  func check(limit: Int) throws {
    guard let sceneCount = scenes.indices(limit: limit)?.count,
      let noiseCount = noise.indices(limit: limit)?.count, sceneCount * noiseCount <= limit
    else { throw ValidationError("--scene and --noise name more than \(limit) rollouts") }
  }

  /// Every scene with every noise, scene by scene.
  var pairs: [(scene: Int, noise: Int)] {
    (scenes.indices(limit: .max) ?? []).flatMap { scene in
      (noise.indices(limit: .max) ?? []).map { (scene: scene, noise: $0) }
    }
  }
}
