import { ConditionFailedError } from '../core/errors.ts'
import { uploadFile } from '../core/stores/object-ref.ts'
import type { ObjectStore } from '../core/stores/object-store.ts'

/**
 * Uploads a Parquet file and replaces none: a call of this gate that was given up and repeated may still be at
 * work, and what the repetition has stored may be committed by then. The next free name is taken instead.
 */
export async function storeOnce(store: ObjectStore, name: string, file: string) {
  const onlyNew: ObjectStore = { ...store, upload: (key, path) => store.upload(key, path, 'absent') }
  for (let repetition = 0; ; repetition++) {
    try {
      return await uploadFile(
        onlyNew,
        repetition === 0 ? `${name}.parquet` : `${name}-${repetition}.parquet`,
        file,
      )
    } catch (error) {
      if (!(error instanceof ConditionFailedError)) throw error
    }
  }
}
