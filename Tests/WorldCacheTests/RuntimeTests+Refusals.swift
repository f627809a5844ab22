import Foundation
import Testing

@testable import WorldCache

/// What a target cannot say, and files that are none.
extension RuntimeTests {
  @Test("what a target cannot say is refused in one sentence")
  func refusals() throws {
    let cases: [(spec: String, target: String, calls: Int?, message: String)] = [
      (
        "first-block", "diffusers", 28,
        "FirstBlockCacheConfig has no word for variant=para of first-block, only for variant=diffusers"
      ),
      (
        "easycache", "diffusers", 28,
        "diffusers has no cache that decides as easycache does; it has counterparts of first-block, magcache, taylor, fastercache, pab, seacache"
      ),
      (
        "magcache:family=diffusers,table=wan2.1-t2v-14b", "diffusers", 28,
        "MagCacheConfig has one list of ratios for all guidance branches; wan2.1-t2v-14b has 2"
      ),
      (
        "magcache:family=diffusers", "diffusers", nil,
        "MagCacheConfig wants to know the number of calls: give --calls or --trace"
      ),
      (
        "dbcache:counter=sticky", "cache-dit", 28,
        "cache-dit 1.5.3 has no word for counter=sticky of dbcache, only for counter=streak"
      ),
      (
        "dbcache:mask=fast", "cache-dit", nil,
        "a steps mask of cache-dit wants to know the number of calls: give --calls or --trace"
      ),
      (
        "dbcache:mask=own,calls=1101", "cache-dit", 5,
        "dbcache:fn=8,bn=0,threshold=0.08,warmup=8,warmup-interval=1,max-cached=-1,max-continuous=-1,counter=streak,budget=0,mask=own,calls=1101,mask-policy=dynamic,branches=pooled,predictor=hold has no mask for 5 calls"
      ),
      (
        "interval", "cache-dit", 28,
        "cache-dit caches what lies between its first and last blocks, and interval:every=3,phase=down,site=output caches output; give it site=rest.8, or whichever blocks it shall keep"
      ),
      (
        "taylor:site=rest.8", "cache-dit", 28,
        "taylor:interval=5,order=2,first-enhance=3,site=rest.8 does not hold what it skips; cache-dit's calibrators are written as dbcache:mask=own,calls=…,mask-policy=static,predictor=taylor, foca or dmd"
      ),
      (
        "worldcache:warmup=3", "worldcache", nil,
        "WorldCache's voyager script has no word for warmup=3 of worldcache, only for warmup=5"
      ),
      (
        "worldcache:variant=lingbot", "worldcache", nil,
        "the port of LingBot does not read these variables; voyager and aether do"
      ),
      (
        "teacache:model=qwen-image", "teacache", 28,
        "TeaCache's scripts has no word for absolute=yes of teacache, only for absolute=no"
      ),
      (
        "magcache:family=omnigen2", "magcache", 28,
        "the script of omnigen2 keeps its settings elsewhere; these attributes are those of family=flux, hunyuan, qwen, wan"
      ),
      (
        "interval:phase=up,site=stack", "smoothcache", 6,
        "SmoothCache computes the last call; interval:every=3,phase=up,site=stack predicts call 5 of 6"
      ),
      (
        "worldcache", "json", 28,
        "which calls \(try PolicyRegistry.plan("worldcache").spec) computes depends on the model: give --trace to take its decisions there"
      ),
      (
        "pab", "json", 28,
        "which calls pab:every=2,above=100,below=800,site=stack computes depends on the model: give --trace to take its decisions there"
      ),
      (
        "first-block", "csv", 28,
        "which calls first-block:variant=para,threshold=0.08,warmup=0,branches=pooled,order=0 computes depends on the model: give --trace to take its decisions there"
      ),
    ]
    for (components, said) in [([""], ""), (["attn", "attn"], "attn,attn"), ([], "")] {
      expectPolicyError(
        "the components are '\(said)'; SmoothCache takes the names of one or more, each once"
      ) {
        _ = try Runtime.named("smoothcache").file(
          for: RuntimeRequest(
            PolicyRegistry.plan("interval:every=2,site=stack"), callCount: 5, components: components))
      }
    }
    for item in cases {
      expectPolicyError(item.message) { _ = try text(item.spec, item.target, calls: item.calls) }
    }
    expectPolicyError(
      "there is no target 'difusers' (did you mean 'diffusers'?); known are cache-dit, diffusers, worldcache, teacache, magcache, smoothcache, json, csv"
    ) {
      _ = try Runtime.named("difusers")
    }
  }

  @Test("a file that is not a runtime's, or not right, is named with what is allowed")
  func wrongFiles() throws {
    func policy(_ name: String, _ text: String) throws -> String {
      try Fixture.with(name, text) { path in
        do {
          return try Runtime.policy(in: path).spec.description
        } catch let error as PolicyError {
          return error.description.replacingOccurrences(of: path, with: name)
        }
      }
    }
    #expect(
      try policy("a.yaml", "cache_config:\n  Fn_compute_block: 1\n").contains(
        "a.yaml, line 2: cache_config has no key 'Fn_compute_block' (did you mean 'Fn_compute_blocks'?)"))
    #expect(
      try policy("a.yaml", "cache_config:\n  steps_computation_mask: [0, 1]\n").contains("must begin with 1"))
    #expect(
      try policy("a.yaml", "cache_config:\n  steps_computation_mask: [1, 1]\n  num_inference_steps: 3\n")
        .contains("has 2 steps, num_inference_steps is 3"))
    #expect(
      try policy("a.yaml", "cache_config:\n  enable_foca: true\n  enable_dmd: true\n").contains("are both on")
    )
    #expect(
      try policy("a.yaml", "cache_config:\n  cache_type: DBPrune\n").contains("only DBCache can be replayed"))
    #expect(
      try policy("a.json", "{\"class\": \"FirstBlockCacheConfig\", \"kwargs\": {\"treshold\": 1}}").contains(
        "kwargs has no key 'treshold' (did you mean 'threshold'?)"))
    #expect(
      try policy(
        "a.json",
        "{\"class\": \"FasterCacheConfig\", \"kwargs\": {\"spatial_attention_block_skip_range\": 2}}"
      ).contains("it takes null"))
    #expect(
      try policy("a.json", "{\"attn\": [1, 0], \"mlp\": [1, 1]}").contains("have schedules of their own"))
    #expect(
      try policy("a.env", "WORLDCACHE_ETA=1\n").contains("a.env, line 1: 'WORLDCACHE_ETA=1' sets none of"))
    #expect(try policy("a.toml", "x").contains("a.toml: this is no file of cache-dit, diffusers"))
    #expect(try policy("a.yaml", "cache_config:\n  residual_diff_threshold: -1\n").contains("threshold"))
    // Two guidance branches by turns are an even number of ratios, as many as num_steps.
    let wan = "magcache:family=wan"
    func attributes(_ steps: String, _ count: Int, _ policy: String) -> String {
      let ratios = (0..<count).map { "0.9\($0)" }.joined(separator: ", ")
      return "{\"attributes\": {\(steps)\"mag_ratios\": [\(ratios)]}, \"policy\": \"\(policy)\"}"
    }
    #expect(
      try policy("a.json", attributes("", 5, wan))
        == "a.json, line 1: attributes.mag_ratios has 5 numbers; those of two guidance branches by turns are an even number"
    )
    #expect(
      try policy("a.json", attributes("\"num_steps\": 6, ", 5, wan))
        == "a.json, line 1: attributes.mag_ratios has 5 numbers, and num_steps is 6; it takes as many")
    #expect(
      try policy("a.json", attributes("\"num_steps\": 6, ", 4, "magcache:family=flux"))
        == "a.json, line 1: attributes.mag_ratios has 4 numbers, and num_steps is 6; it takes as many")
    #expect(
      try policy("a.json", attributes("\"num_steps\": 4, ", 4, wan)).contains(
        "ratios=0.9+0.92,second-ratios=0.91+0.93"))
    // What a hand-written file leaves out has the target's default.
    #expect(
      try policy("a.yaml", "cache_config:\n  Fn_compute_blocks: 1\n").hasPrefix(
        "dbcache:fn=1,bn=0,threshold=0.08,warmup=8,"))
    #expect(
      try policy("a.json", "{\"class\": \"MagCacheConfig\", \"kwargs\": {\"mag_ratios\": [1, 0.9]}}")
        == "magcache:family=diffusers,table=custom,ratios=1+0.9,threshold=0.06,cap=3,retention=0.2")
  }
}
